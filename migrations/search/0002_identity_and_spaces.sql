-- An index outside of Postgres has a name that no other node gives one, and is known by when it was made:
-- it may be lost, and made anew by whoever writes to it.
ALTER TABLE search.generation
    ADD COLUMN token    uuid,                               -- part of its index's name; none: made before there were any
    ADD COLUMN made     text,                               -- when its index was made, as Meilisearch says it
    ADD COLUMN whole    boolean NOT NULL DEFAULT true;      -- its index was brought all that there is since then
ALTER TABLE search.generation ALTER COLUMN token SET DEFAULT gen_random_uuid();

-- Those who may see little of much find it without passing over all the rest.
CREATE INDEX document_space ON search.document (generation, space, recorded_at DESC, id DESC) WHERE NOT gone;
