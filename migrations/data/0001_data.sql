-- The knowledge graph: entities and edges with both times, provenance and aliases.
--
-- Two times. `valid_from`/`valid_to` say when something holds in the world, `recorded_at`/
-- `superseded_at` when it was known here. Nothing is overwritten: a change closes the version before.
-- What holds now is what is not superseded.

CREATE SCHEMA IF NOT EXISTS data;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') THEN
        RAISE EXCEPTION 'this Postgres lacks the extension pgvector, which the graph keeps embeddings in'
            USING HINT = 'Install pgvector for this server (package postgresql-*-pgvector), or use the bundled Postgres.';
    END IF;
    CREATE EXTENSION IF NOT EXISTS vector;
END
$$;

-- A JSON list of texts as an array: how many rows of lists come in one statement.
CREATE FUNCTION data.texts(list jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ARRAY(SELECT jsonb_array_elements_text(list));

-- Everything that has an id in the graph, whether anything is known of it or not. Of two that turned
-- out to be one, one is merged into the other; both keep their keys, aliases and edges, so that the
-- merge can be undone. `root` is where the chain of merges ends.
CREATE TABLE data.identity (
    id              uuid PRIMARY KEY,
    root            uuid NOT NULL,
    merged_into     uuid REFERENCES data.identity (id),
    last_version    integer NOT NULL DEFAULT 0,
    erased_at       timestamptz,
    CHECK ((root = id) = (merged_into IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX identity_merged ON data.identity (root) WHERE root <> id;

-- What each source says: one row a thing at its source. The entity is what its sources say together.
CREATE TABLE data.source_key (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source          text COLLATE "C" NOT NULL,        -- connector:<uuid>, social, person:<account>
    kind            text COLLATE "C" NOT NULL,
    external_id     text COLLATE "C" NOT NULL,
    entity          uuid NOT NULL REFERENCES data.identity (id),
    -- Whether the source says anything at present. A key may be known because an edge leads there.
    live            boolean NOT NULL DEFAULT false,
    -- SHA-256 of what it said last; null: nothing, or that the thing is gone.
    hash            bytea,
    type            text COLLATE "C",
    space           text COLLATE "C",
    data            jsonb,
    labels          text[] NOT NULL DEFAULT '{}',
    valid_from      timestamptz,
    valid_to        timestamptz,
    -- Of two sources, the newer word counts: when it changed there, else when it came here.
    said_at         timestamptz,
    provenance      jsonb,                            -- as contracts::model::Provenance
    event           uuid,                             -- the event that brought it: what is older comes too late
    UNIQUE (source, kind, external_id)
) WITH (fillfactor = 80);
CREATE INDEX source_key_entity ON data.source_key (entity);

-- Hashes of keys whose content was erased: the same source does not bring it back.
CREATE TABLE data.erased_key (
    hash            bytea PRIMARY KEY,                -- SHA-256 of source, kind and external id
    erased_at       timestamptz NOT NULL
);

-- Entities, one row a version.
CREATE TABLE data.entity (
    id              uuid NOT NULL REFERENCES data.identity (id),
    version         integer NOT NULL,
    type            text COLLATE "C" NOT NULL,        -- schema.org's name
    space           text COLLATE "C" NOT NULL,
    data            jsonb NOT NULL,
    labels          text[] NOT NULL,
    aliases         jsonb NOT NULL,                   -- as they were then, for readers
    keys            jsonb NOT NULL,
    valid_from      timestamptz,
    valid_to        timestamptz,
    recorded_at     timestamptz NOT NULL,
    superseded_at   timestamptz,
    PRIMARY KEY (id, version)
) WITH (fillfactor = 90);
-- What is known now: by id, by place and type, by label, by when it changed, by name.
CREATE UNIQUE INDEX entity_now ON data.entity (id) WHERE superseded_at IS NULL;
CREATE INDEX entity_now_space ON data.entity (space, type, id) WHERE superseded_at IS NULL;
CREATE INDEX entity_now_type ON data.entity (type, id) WHERE superseded_at IS NULL;
CREATE INDEX entity_now_labels ON data.entity USING gin (labels) WHERE superseded_at IS NULL;
CREATE INDEX entity_now_recorded ON data.entity (recorded_at) WHERE superseded_at IS NULL;
CREATE INDEX entity_now_name ON data.entity USING gin (to_tsvector('simple', data ->> 'name'))
    WHERE superseded_at IS NULL AND type = 'Person';

-- Where each version of an entity (and each edge, as version 0) comes from.
CREATE TABLE data.provenance (
    subject         uuid NOT NULL,                    -- an entity or an edge
    version         integer NOT NULL,
    source          text COLLATE "C" NOT NULL,
    kind            text COLLATE "C" NOT NULL,
    external_id     text COLLATE "C" NOT NULL,
    by              text NOT NULL,                    -- the plugin, service or person that brought it
    revision        text,
    raw             text,                             -- SHA-256 of the raw record, in hex
    event           uuid,
    mapping         text,                             -- name@version
    consent         uuid,
    licence         text,
    source_time     timestamptz,
    PRIMARY KEY (subject, version, source, kind, external_id)
);

-- Other names by which something is recognised, of each key.
CREATE TABLE data.alias (
    key             bigint NOT NULL REFERENCES data.source_key (id) ON DELETE CASCADE,
    scheme          text COLLATE "C" NOT NULL,
    value           text COLLATE "C" NOT NULL,
    entity          uuid NOT NULL,
    space           text COLLATE "C" NOT NULL,
    PRIMARY KEY (key, scheme, value)
);
CREATE INDEX alias_value ON data.alias (value, scheme, space);
CREATE INDEX alias_entity ON data.alias (entity);

-- Edges. Their ends are what the source named; where it was merged, readers follow `identity.root`.
CREATE TABLE data.edge (
    id              uuid PRIMARY KEY,
    key             bigint REFERENCES data.source_key (id) ON DELETE SET NULL, -- none: made by itself
    source          text COLLATE "C" NOT NULL,
    from_id         uuid NOT NULL REFERENCES data.identity (id),
    rel             text COLLATE "C" NOT NULL,
    to_id           uuid NOT NULL REFERENCES data.identity (id),
    props           jsonb NOT NULL,
    confidence      real NOT NULL,
    valid_from      timestamptz,
    valid_to        timestamptz,
    recorded_at     timestamptz NOT NULL,
    superseded_at   timestamptz
) WITH (fillfactor = 90);
CREATE INDEX edge_from ON data.edge (from_id, rel) WHERE superseded_at IS NULL;
CREATE INDEX edge_to ON data.edge (to_id, rel) WHERE superseded_at IS NULL;
CREATE INDEX edge_key ON data.edge (key) WHERE superseded_at IS NULL;
CREATE INDEX edge_from_all ON data.edge (from_id);
CREATE INDEX edge_to_all ON data.edge (to_id);

-- Edges to somebody who is not known yet: each becomes an edge when the alias appears.
CREATE TABLE data.pending_edge (
    id              uuid PRIMARY KEY,
    key             bigint NOT NULL REFERENCES data.source_key (id) ON DELETE CASCADE,
    from_id         uuid NOT NULL,
    rel             text COLLATE "C" NOT NULL,
    scheme          text COLLATE "C" NOT NULL,
    value           text COLLATE "C" NOT NULL,
    space           text COLLATE "C" NOT NULL,
    props           jsonb NOT NULL,
    confidence      real NOT NULL,
    valid_from      timestamptz,
    valid_to        timestamptz
);
CREATE INDEX pending_edge_key ON data.pending_edge (key);
CREATE INDEX pending_edge_alias ON data.pending_edge (value, scheme, space);

-- Merges, and their undoing.
CREATE TABLE data.merge (
    id              uuid PRIMARY KEY,
    kept            uuid NOT NULL REFERENCES data.identity (id),
    absorbed        uuid NOT NULL REFERENCES data.identity (id),
    space           text COLLATE "C" NOT NULL,
    by              text NOT NULL,                    -- who decided: a person, or the rule for clear cases
    reason          text NOT NULL,
    merged_at       timestamptz NOT NULL,
    undone_at       timestamptz,
    undone_by       text
);
CREATE INDEX merge_absorbed ON data.merge (absorbed) WHERE undone_at IS NULL;
CREATE INDEX merge_space ON data.merge (space, id);

-- Proposals that two entities are one. A pair that was refused or taken apart is not proposed again.
CREATE TABLE data.match (
    id              uuid PRIMARY KEY,
    one             uuid NOT NULL REFERENCES data.identity (id),      -- the smaller id
    other           uuid NOT NULL REFERENCES data.identity (id),
    space           text COLLATE "C" NOT NULL,
    score           real NOT NULL,
    evidence        text[] NOT NULL,                  -- tel, email, uid, name
    state           text COLLATE "C" NOT NULL,        -- open, accepted, refused
    proposed_at     timestamptz NOT NULL,
    decided_at      timestamptz,
    decided_by      text,
    CHECK (one < other),
    UNIQUE (one, other)
);
CREATE INDEX match_open ON data.match (space, id) WHERE state = 'open';

-- The change feed: one row a change, in commit order. A reader looks only below the oldest running
-- transaction, so that nothing appears behind it.
CREATE TABLE data.change (
    transaction_order bigint NOT NULL DEFAULT spine.transaction_order(),
    sequence        bigint GENERATED ALWAYS AS IDENTITY,
    entity          uuid NOT NULL,
    version         integer NOT NULL,
    kind            text COLLATE "C" NOT NULL,        -- created, changed, deleted
    type            text COLLATE "C" NOT NULL,
    -- Who may see it: the place as of this change. Where something moved, the old place is told that
    -- it is gone.
    space           text COLLATE "C" NOT NULL,
    labels          text[] NOT NULL,
    recorded_at     timestamptz NOT NULL,
    PRIMARY KEY (transaction_order, sequence)
);

-- Embeddings for semantic search, one a model; those of older versions are made anew.
CREATE TABLE data.embedding (
    entity          uuid NOT NULL REFERENCES data.identity (id),
    model           text COLLATE "C" NOT NULL,        -- name and version of the model
    version         integer NOT NULL,                 -- of the entity
    vector          vector(384) NOT NULL,
    made_at         timestamptz NOT NULL,
    PRIMARY KEY (entity, model)
);
CREATE INDEX embedding_near ON data.embedding USING hnsw (vector vector_cosine_ops);
