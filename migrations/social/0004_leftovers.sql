-- What is deleted leaves nothing behind: activities on their way go with their sender, and what was
-- deleted before it came is not remembered for ever.

-- Whose deletion withdraws the activity. NULL: it takes something back, and is still to arrive then.
-- Without an index: the table holds some days, it is looked through when a local account is deleted,
-- and every publication would pay for it.
ALTER TABLE social.outgoing_activity ADD COLUMN withdrawn_with bigint;

ALTER TABLE social.tombstone
    ADD COLUMN host text COLLATE "C",                 -- of the actor, where expires_at is set
    ADD COLUMN expires_at timestamptz;                -- NULL: a post that was here, remembered for ever
CREATE INDEX tombstone_host ON social.tombstone (host, deleted_at) WHERE expires_at IS NOT NULL;
CREATE INDEX tombstone_expiry ON social.tombstone (expires_at) WHERE expires_at IS NOT NULL;
