-- Who may do what with which data, what for, and the proof of it.

CREATE SCHEMA IF NOT EXISTS policy;

-- Counts the changes of what decisions rest on. Whoever changes it takes its turn here, so that the
-- number tells exactly what has been seen; processes compare it with what they hold in memory.
CREATE TABLE policy.revision (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    number   bigint  NOT NULL
);
INSERT INTO policy.revision (number) VALUES (1);

-- People of this node, as identity's events tell of them.
CREATE TABLE policy.person (
    account    bigint      PRIMARY KEY,
    role       text        NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    state      text        NOT NULL CHECK (state IN ('active', 'pending', 'suspended', 'deleted')),
    changed_at timestamptz NOT NULL
);

-- People's devices, as the connectors' events tell of them. One that was removed is remembered, so
-- that it stays refused.
CREATE TABLE policy.device (
    id         uuid        PRIMARY KEY,
    owner      bigint      NOT NULL,
    removed    boolean     NOT NULL,
    changed_at timestamptz NOT NULL
);

-- Circles: spaces that some people share. `version` counts changes of the circle and its members.
CREATE TABLE policy.circle (
    id         uuid        PRIMARY KEY,
    name       text        NOT NULL,
    made_by    bigint      NOT NULL,
    made_at    timestamptz NOT NULL,
    version    integer     NOT NULL,
    removed_at timestamptz
);

-- Who is in a circle; keepers change who is.
CREATE TABLE policy.member (
    circle    uuid        NOT NULL REFERENCES policy.circle,
    account   bigint      NOT NULL,
    keeper    boolean     NOT NULL,
    joined_at timestamptz NOT NULL,
    PRIMARY KEY (circle, account)
);

-- Consents: who lets whom use their data, what for, which of it, and until when. Never deleted:
-- what was consented to at a time stays known.
CREATE TABLE policy.consent (
    id           uuid        PRIMARY KEY,
    subject      bigint      NOT NULL,
    grantee      text        NOT NULL,
    purpose      text        NOT NULL,
    -- Empty: data of no special category. Else only data of these.
    categories   text[]      NOT NULL,
    -- Empty: of every type.
    types        text[]      NOT NULL,
    valid_from   timestamptz NOT NULL,
    valid_until  timestamptz,
    basis        text        NOT NULL,
    given_at     timestamptz NOT NULL,
    withdrawn_at timestamptz,
    CHECK (valid_until > valid_from)
);
CREATE INDEX consent_by_subject ON policy.consent (subject, id DESC);
CREATE INDEX consent_by_grantee ON policy.consent (grantee, id DESC);

-- The household's own policies: a row a version, the newest holds. Without text: removed.
CREATE TABLE policy.own_policy (
    name       text        NOT NULL,
    version    integer     NOT NULL,
    text       text        CHECK (octet_length(text) <= 65536),
    changed_by text        NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (name, version)
);

-- Every decision on personal data and every refusal. Append-only.
CREATE TABLE policy.audit_entry (
    id        uuid        PRIMARY KEY,
    time      timestamptz NOT NULL,
    principal text        NOT NULL,
    behalf    bigint,
    via       bigint,
    action    text        NOT NULL,
    kind      text        NOT NULL,
    -- The id of what was accessed; `*`: a query.
    resource  text        NOT NULL,
    -- Where it is; of a query the spaces that it may see.
    spaces    text[]      NOT NULL,
    -- Whose data it is: they may read this entry.
    subject   bigint,
    purpose   text        NOT NULL,
    allowed   boolean     NOT NULL,
    -- The policies that decided; empty: none permits it.
    policies  text[]      NOT NULL
);
CREATE INDEX audit_entry_by_subject ON policy.audit_entry (subject, id DESC) WHERE subject IS NOT NULL;
CREATE INDEX audit_entry_refused ON policy.audit_entry (id DESC) WHERE NOT allowed;

-- Entries that have no place in the Merkle log yet; written with them, removed as they get theirs.
CREATE TABLE policy.audit_waiting (
    entry uuid PRIMARY KEY
);

-- The Merkle log's leaves (RFC 6962): SHA-256(0x00 || the entry's canonical JSON). Append-only.
CREATE TABLE policy.audit_leaf (
    place bigint PRIMARY KEY,
    entry uuid   NOT NULL UNIQUE,
    hash  bytea  NOT NULL CHECK (length(hash) = 32)
);

-- The tree's hashes in tiles of up to 256 (C2SP tlog-tiles, height 8). A tile at the edge grows.
CREATE TABLE policy.audit_tile (
    level  smallint NOT NULL,
    number bigint   NOT NULL,
    hashes bytea    NOT NULL,
    PRIMARY KEY (level, number)
);

-- The tree's signed heads (C2SP tlog-checkpoint). Append-only.
CREATE TABLE policy.audit_checkpoint (
    size    bigint      PRIMARY KEY,
    root    bytea       NOT NULL CHECK (length(root) = 32),
    note    text        NOT NULL,
    made_at timestamptz NOT NULL
);

-- The key that signs checkpoints, sealed under the node's own key, and the log's name for ever.
CREATE TABLE policy.audit_key (
    only_one boolean     PRIMARY KEY DEFAULT true CHECK (only_one),
    origin   text        NOT NULL,
    sealed   bytea       NOT NULL,
    made_at  timestamptz NOT NULL
);

CREATE FUNCTION policy.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE TRIGGER audit_entry_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON policy.audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION policy.refuse_change();
CREATE TRIGGER audit_leaf_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON policy.audit_leaf
    FOR EACH STATEMENT EXECUTE FUNCTION policy.refuse_change();
CREATE TRIGGER audit_checkpoint_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON policy.audit_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION policy.refuse_change();
