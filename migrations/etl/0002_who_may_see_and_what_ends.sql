-- Raw records are seen by whoever may see what becomes of them; they move with their account; what was erased
-- stays away by its key; what rests on a withdrawn consent is not mapped; contents that were replaced end.

-- What a mapping adds to what it makes, and where it puts it: who may not see that may not see the record either.
ALTER TABLE etl.mapping
    ADD COLUMN labels text[] NOT NULL DEFAULT '{}',
    ADD COLUMN spaces text[] NOT NULL DEFAULT '{}';
UPDATE etl.mapping AS m
   SET labels = ARRAY(SELECT DISTINCT label #>> '{}'
                        FROM jsonb_path_query(v.document, '$.entities[*].labels[*]') AS label),
       spaces = ARRAY(SELECT DISTINCT space #>> '{}'
                        FROM jsonb_path_query(v.document, '$.entities[*].space') AS space
                       WHERE space #>> '{}' <> 'public')
  FROM etl.mapping_version v
 WHERE v.mapping = m.name AND v.version = m.current;

ALTER TABLE etl.record
    -- SHA-256 of the key that the record's own entity has (contracts::model::SourceKey::digest).
    ADD COLUMN key_hash bytea,
    -- Since when another content of the same record is newer.
    ADD COLUMN replaced_at timestamptz;
UPDATE etl.record AS r
   SET replaced_at = CASE WHEN newest THEN NULL ELSE now() END,
       key_hash = sha256(int8send(octet_length(k.source)) || convert_to(k.source, 'UTF8')
                      || int8send(octet_length(k.kind)) || convert_to(k.kind, 'UTF8')
                      || int8send(octet_length(r.external_id)) || convert_to(r.external_id, 'UTF8'))
  FROM (SELECT id, 'connector:' || account AS source, split_part(kind, '/', 1) AS kind FROM etl.record) AS k
 WHERE k.id = r.id;
ALTER TABLE etl.record ALTER COLUMN key_hash SET NOT NULL;

CREATE INDEX record_key ON etl.record (key_hash);
CREATE INDEX record_in_space ON etl.record (space, id);
CREATE INDEX record_replaced ON etl.record (replaced_at) WHERE replaced_at IS NOT NULL;
CREATE INDEX record_of_account ON etl.record (account, id) INCLUDE (hash);
DROP INDEX etl.record_hash;
DROP INDEX etl.record_of_kind;
CREATE INDEX record_of_kind ON etl.record (kind, id) INCLUDE (newest, deleted);

-- Contents are erased for the account whose they were: the same content of another account is another's. Those that
-- were erased before accounts were told apart stay away from all (the nil account).
ALTER TABLE etl.erased ADD COLUMN account uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
ALTER TABLE etl.erased DROP CONSTRAINT erased_pkey;
ALTER TABLE etl.erased ADD PRIMARY KEY (hash, account);

-- Keys whose entities were erased: nothing is kept under them any more.
CREATE TABLE etl.erased_key (
    key_hash        bytea PRIMARY KEY,
    erased_at       timestamptz NOT NULL
);

-- Consents that were withdrawn: what rests on them is kept, until it is erased, and not mapped.
CREATE TABLE etl.withdrawn_consent (
    consent         uuid PRIMARY KEY,
    withdrawn_at    timestamptz NOT NULL
);

-- How the records of an account come in at present. Where that changes, those that came before follow.
CREATE TABLE etl.account (
    account         uuid PRIMARY KEY,
    owner           bigint NOT NULL,
    space           text COLLATE "C" NOT NULL,
    labels          text[] NOT NULL,
    consent         uuid,
    event           uuid NOT NULL                     -- connector.DataReceived that said so
);
INSERT INTO etl.account (account, owner, space, labels, consent, event)
SELECT DISTINCT ON (account) account, owner, space, labels, consent, event
  FROM etl.record WHERE newest ORDER BY account, received_at DESC, event DESC;
