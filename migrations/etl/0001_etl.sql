-- From raw records to the unified model: raw records, mappings and their versions, runs over the history.

CREATE SCHEMA IF NOT EXISTS etl;

-- What sources gave, as they gave it: each content of each record once. Its payload is compressed and
-- sealed under the node's key, because it is personal.
CREATE TABLE etl.record (
    id              uuid PRIMARY KEY,
    account         uuid NOT NULL,                    -- of a connector
    kind            text COLLATE "C" NOT NULL,        -- with the version of its form: calendar.event/1
    external_id     text COLLATE "C" NOT NULL,
    deleted         boolean NOT NULL,                 -- the source said that it is gone
    hash            bytea NOT NULL,                   -- SHA-256 of the payload
    payload         bytea NOT NULL,                   -- zlib, sealed
    size            bigint NOT NULL,                  -- of the payload in clear
    media_type      text NOT NULL,
    newest          boolean NOT NULL,                 -- the source's last word on this external id
    plugin          text NOT NULL,
    owner           bigint NOT NULL,
    space           text COLLATE "C" NOT NULL,
    labels          text[] NOT NULL,
    consent         uuid,
    revision        text,
    source_time     timestamptz,
    event           uuid NOT NULL,                    -- connector.DataReceived that brought it last
    received_at     timestamptz NOT NULL,
    state           text NOT NULL CHECK (state IN ('waiting', 'mapped', 'refused', 'superseded')),
    mapping         text,                             -- name@version that was tried last
    reason          text,                             -- why it is refused, without its content
    drafts          integer NOT NULL DEFAULT 0,       -- how many entities were made of it
    mapped_at       timestamptz
);
CREATE UNIQUE INDEX record_content ON etl.record (account, kind, external_id, deleted, hash);
CREATE UNIQUE INDEX record_newest ON etl.record (account, kind, external_id) WHERE newest;
CREATE INDEX record_of_kind ON etl.record (kind, id) WHERE newest AND NOT deleted;
CREATE INDEX record_hash ON etl.record (hash);
CREATE INDEX record_in_state ON etl.record (state, id) WHERE state IN ('waiting', 'refused');

-- Contents that were erased: they are not kept again when the source gives them again.
CREATE TABLE etl.erased (
    hash            bytea PRIMARY KEY,
    erased_at       timestamptz NOT NULL
);

-- Mappings: one for each kind of record.
CREATE TABLE etl.mapping (
    name            text COLLATE "C" PRIMARY KEY,
    kind            text COLLATE "C" NOT NULL UNIQUE, -- the records that it takes
    current         integer NOT NULL                  -- the version in use
);

-- Versions of mappings; never changed.
CREATE TABLE etl.mapping_version (
    mapping         text COLLATE "C" NOT NULL REFERENCES etl.mapping (name),
    version         integer NOT NULL CHECK (version > 0),
    document        jsonb NOT NULL,
    built_in        integer,                          -- the program's own number of it, where it brought it
    made_by         text NOT NULL,
    made_at         timestamptz NOT NULL,
    PRIMARY KEY (mapping, version)
);

-- Runs of a mapping over the history of its kind.
CREATE TABLE etl.rerun (
    id              uuid PRIMARY KEY,
    mapping         text COLLATE "C" NOT NULL REFERENCES etl.mapping (name),
    version         integer NOT NULL,
    state           text NOT NULL CHECK (state IN ('running', 'done', 'superseded')),
    total           bigint NOT NULL,                  -- records at its start
    done            bigint NOT NULL DEFAULT 0,
    refused         bigint NOT NULL DEFAULT 0,
    started_by      text NOT NULL,
    started_at      timestamptz NOT NULL,
    finished_at     timestamptz
);
CREATE INDEX rerun_of_mapping ON etl.rerun (mapping, id);
