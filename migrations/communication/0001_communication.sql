-- Channels, conversations, messages and calls.

CREATE SCHEMA IF NOT EXISTS communication;

-- An account at a service that carries messages or calls.
CREATE TABLE communication.channel (
    id              uuid PRIMARY KEY,
    plugin          text NOT NULL,
    name            text NOT NULL,
    owner           bigint NOT NULL,                 -- the person whose channel it is
    space           text NOT NULL,                   -- where its messages and calls belong
    labels          text[] NOT NULL,
    config          jsonb NOT NULL,                  -- settings; secrets are the plugin manager's
    scheme          text NOT NULL,                   -- of the addresses that it reaches: tel, email, matrix
    address         text NOT NULL,                   -- its own
    is_default      boolean NOT NULL,                -- of its owner, for its scheme
    state           text NOT NULL CHECK (state IN ('active', 'paused', 'needs_sign_in')),
    last_error      text,
    version         bigint NOT NULL DEFAULT 1,       -- of what people set
    created_at      timestamptz NOT NULL
);
CREATE UNIQUE INDEX channel_default ON communication.channel (owner, scheme) WHERE is_default;

-- What was said with the same others through one channel.
CREATE TABLE communication.conversation (
    id              uuid PRIMARY KEY,
    channel         uuid NOT NULL,
    owner           bigint NOT NULL,
    space           text NOT NULL,
    labels          text[] NOT NULL,
    others          text[] NOT NULL,                 -- the addresses at the other end, sorted
    parties         jsonb NOT NULL,                  -- the same, as far as known
    started_at      timestamptz NOT NULL,
    last_at         timestamptz NOT NULL,
    UNIQUE (channel, others)
);
CREATE INDEX conversation_latest ON communication.conversation (space, last_at DESC, id DESC);

-- A message, in or out.
CREATE TABLE communication.message (
    id              uuid PRIMARY KEY,                -- of one that goes out: its idempotency key at the service
    direction       text NOT NULL CHECK (direction IN ('in', 'out')),
    channel         uuid,                            -- NULL: none was found that could carry it
    conversation    uuid REFERENCES communication.conversation (id) ON DELETE CASCADE,
    owner           bigint NOT NULL,
    space           text NOT NULL,
    labels          text[] NOT NULL,
    external_id     text,                            -- the service's
    sender          jsonb NOT NULL,                  -- a party
    recipients      jsonb NOT NULL,                  -- parties
    subject         text,
    text            text NOT NULL,
    attachments     jsonb NOT NULL,                  -- names, media types and sizes
    -- in: received. out: queued, sending, accepted, sent, delivered, read; failed and refused are final.
    status          text NOT NULL,
    detail          text,
    purpose         text,
    rule            uuid,
    in_reply_to     uuid,
    attempts        integer NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    sent_at         timestamptz,                     -- when its service took it, or when it came in
    updated_at      timestamptz NOT NULL
);
CREATE UNIQUE INDEX message_external ON communication.message (channel, direction, external_id)
    WHERE external_id IS NOT NULL;
CREATE INDEX message_conversation ON communication.message (conversation, created_at DESC, id DESC);
CREATE INDEX message_latest ON communication.message (space, created_at DESC, id DESC);
CREATE INDEX message_channel ON communication.message (channel);

-- What a service said of a message that we did not know by its id yet: its word came before our commit.
CREATE TABLE communication.early_status (
    channel         uuid NOT NULL REFERENCES communication.channel (id) ON DELETE CASCADE,
    external_id     text NOT NULL,
    status          text NOT NULL,
    detail          text,
    received_at     timestamptz NOT NULL,
    PRIMARY KEY (channel, external_id)
);
CREATE INDEX early_status_received ON communication.early_status (received_at);

-- A telephone call.
CREATE TABLE communication.call (
    id              uuid PRIMARY KEY,
    channel         uuid NOT NULL,
    owner           bigint NOT NULL,
    space           text NOT NULL,
    labels          text[] NOT NULL,
    external_id     text NOT NULL,                   -- the service's
    caller          jsonb NOT NULL,                  -- a party
    callee          jsonb NOT NULL,                  -- a party
    status          text NOT NULL,                   -- ringing, answered; completed, busy, no_answer, failed, cancelled
    seconds         integer,
    started_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    UNIQUE (channel, external_id)
);
CREATE INDEX call_latest ON communication.call (space, started_at DESC, id DESC);
