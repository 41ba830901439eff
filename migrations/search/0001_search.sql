-- Search over the graph: one port, Postgres by default, Meilisearch where configured.

CREATE SCHEMA IF NOT EXISTS search;

-- Likeness of words, for typing errors. A trusted extension: no superuser needed.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Generations of the index: one is active, one may be building from the ledger beside it. The switch
-- is the commit that changes their states, whichever adapter holds them.
CREATE TABLE search.generation (
    id                  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    adapter             text NOT NULL,                      -- postgres, meilisearch
    state               text NOT NULL,                      -- building, active, retired
    transaction_order   bigint NOT NULL DEFAULT 0,          -- built from the ledger up to here
    sequence            integer NOT NULL DEFAULT 0,
    events              bigint NOT NULL DEFAULT 0,          -- how many events were read for it
    filled              bigint,                             -- its newest change when the ledger's end was reached
    created_at          timestamptz NOT NULL,
    activated_at        timestamptz
);
CREATE UNIQUE INDEX generation_active ON search.generation (state) WHERE state = 'active';
CREATE UNIQUE INDEX generation_building ON search.generation (state) WHERE state = 'building';

-- Raised at every write to a document; what Meilisearch has is older where `pushed` is smaller.
CREATE SEQUENCE search.document_change;

-- Documents, made of entities. What is gone stays as an empty row, so that nothing older brings it back.
CREATE TABLE search.document (
    generation          integer NOT NULL REFERENCES search.generation ON DELETE CASCADE,
    id                  uuid NOT NULL,                      -- the entity
    revision            bigint NOT NULL,                    -- twice its version, one more where it is gone
    gone                boolean NOT NULL,
    version             integer NOT NULL,
    type                text NOT NULL,
    space               text NOT NULL,
    labels              text[] NOT NULL,
    title               text NOT NULL,
    body                text NOT NULL,
    people              text[] NOT NULL,
    keywords            text[] NOT NULL,
    happens_at          timestamptz,                        -- when it happens in the world
    url                 text,
    language            text,
    recorded_at         timestamptz NOT NULL,               -- since when this version is known
    words               tsvector,                           -- none where another adapter holds the index
    change              bigint NOT NULL DEFAULT nextval('search.document_change'),
    pushed              bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (generation, id)
);
CREATE INDEX document_words ON search.document USING gin (words) WHERE NOT gone;
CREATE INDEX document_recent ON search.document (generation, recorded_at DESC, id DESC) WHERE NOT gone;
CREATE INDEX document_waiting ON search.document (generation, change) WHERE pushed < change;

-- The words that occur in a generation, and in how many documents: what a misspelt word may have meant.
-- Exact: writers of a generation take turns, and a word leaves with its last document.
CREATE TABLE search.word (
    generation          integer NOT NULL REFERENCES search.generation ON DELETE CASCADE,
    word                text COLLATE "C" NOT NULL,
    documents           integer NOT NULL,
    PRIMARY KEY (generation, word)
) WITH (fillfactor = 70);
CREATE INDEX word_like ON search.word USING gin (word gin_trgm_ops);
CREATE INDEX word_unused ON search.word (generation) WHERE documents <= 0;

-- Entities that were found to be another one, and are shown as that one only. Of two events about the
-- same entity the later one (by id) counts.
CREATE TABLE search.absorbed (
    entity              uuid PRIMARY KEY,
    active              boolean NOT NULL,                   -- false: the merge was undone
    event               uuid NOT NULL
);
