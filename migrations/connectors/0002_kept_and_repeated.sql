-- What is removed and yet kept goes with its owner; a repeat of a webhook is told from a return to an
-- earlier state.

-- Accounts that were removed while what came from them was kept: its key goes when their owner goes.
CREATE TABLE connectors.removed_account (
    id                   uuid PRIMARY KEY,
    owner                bigint NOT NULL,
    removed_at           timestamptz NOT NULL
);
CREATE INDEX removed_account_owner ON connectors.removed_account (owner);

-- For the last request of an account that brought records.
CREATE INDEX webhook_brought ON connectors.webhook (account, received_at DESC, request DESC)
    WHERE records_digest IS NOT NULL;

-- For the accounts that rest on a consent which ends.
CREATE INDEX account_consent ON connectors.account (consent) WHERE consent IS NOT NULL;
