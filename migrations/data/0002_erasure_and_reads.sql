-- What is erased leaves no row behind, and reads look at no more rows than they answer.

-- By key, also of edges that hold no more: each key that is deleted asks which edges are its own.
DROP INDEX data.edge_key;
CREATE INDEX edge_key ON data.edge (key);

-- In an order, so that somebody with very many edges is read no further than is asked for.
DROP INDEX data.edge_from;
CREATE INDEX edge_from ON data.edge (from_id, rel, id) WHERE superseded_at IS NULL;
DROP INDEX data.edge_to;
CREATE INDEX edge_to ON data.edge (to_id, rel, id) WHERE superseded_at IS NULL;

-- What is or was in a space: for pages of it, and for its erasure. Lists read each space by itself.
CREATE INDEX entity_space ON data.entity (space, id);
DROP INDEX data.entity_now_type;
CREATE INDEX change_space ON data.change (space, transaction_order, sequence);

-- The beginning of a name only: a text of very many words has no place in an index and would be refused.
DROP INDEX data.entity_now_name;
CREATE INDEX entity_now_name ON data.entity USING gin (to_tsvector('simple', left(data ->> 'name', 400)))
    WHERE superseded_at IS NULL AND type = 'Person';

-- Whatever is known of an entity is found by it, so that it can be erased.
CREATE INDEX change_entity ON data.change (entity);
CREATE INDEX merge_kept ON data.merge (kept);
DROP INDEX data.merge_absorbed;
CREATE INDEX merge_absorbed ON data.merge (absorbed);
CREATE INDEX match_other ON data.match (other);

-- Erasures before this left empty versions with their labels, reasons of merges, and changes.
DELETE FROM data.entity e USING data.identity i WHERE i.id = e.id AND i.erased_at IS NOT NULL;
DELETE FROM data.merge m USING data.identity i WHERE i.id IN (m.kept, m.absorbed) AND i.erased_at IS NOT NULL;
DELETE FROM data.change c USING data.identity i
 WHERE i.id = c.entity AND i.erased_at IS NOT NULL AND c.kind <> 'deleted';
