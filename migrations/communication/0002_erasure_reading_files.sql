-- Conversations where a channel moved, erasure of what no channel leads to, reading, files, and who wants no messages.

-- What was said before a channel was moved or labelled anew stays a conversation of its own, where it was: who
-- shares the one may not know of the other. A digest, because many long addresses fit into no index.
ALTER TABLE communication.conversation ADD COLUMN digest bytea;
UPDATE communication.conversation
   SET digest = sha256(convert_to(jsonb_build_array(space, labels, others)::text, 'UTF8'));
ALTER TABLE communication.conversation ALTER COLUMN digest SET NOT NULL;
ALTER TABLE communication.conversation DROP CONSTRAINT conversation_channel_others_key;
CREATE UNIQUE INDEX conversation_same ON communication.conversation (channel, digest);

-- How far a person has read a conversation.
CREATE TABLE communication.reading (
    conversation    uuid NOT NULL REFERENCES communication.conversation (id) ON DELETE CASCADE,
    person          bigint NOT NULL,
    read_until      timestamptz NOT NULL,            -- what was written down here until then is read
    PRIMARY KEY (conversation, person)
);
CREATE INDEX reading_person ON communication.reading (person);

-- The bytes of a file that came with a message.
CREATE TABLE communication.file (
    message         uuid NOT NULL REFERENCES communication.message (id) ON DELETE CASCADE,
    number          integer NOT NULL,                -- its place in the message's attachments, from 0
    data            bytea NOT NULL,
    PRIMARY KEY (message, number)
);
-- Pictures are compressed already.
ALTER TABLE communication.file ALTER COLUMN data SET STORAGE EXTERNAL;

-- An address to which nothing is sent through a channel any more, as its holder asked.
CREATE TABLE communication.opt_out (
    channel         uuid NOT NULL REFERENCES communication.channel (id) ON DELETE CASCADE,
    address         text NOT NULL,
    since           timestamptz NOT NULL,
    PRIMARY KEY (channel, address)
);

-- Messages that were erased before they were sent: a job that still has one sends it no more.
CREATE TABLE communication.erased_message (
    id              uuid PRIMARY KEY,
    erased_at       timestamptz NOT NULL
);

-- People who were erased: nothing is written down for them any more.
CREATE TABLE communication.erased_person (
    id              bigint PRIMARY KEY,
    erased_at       timestamptz NOT NULL
);

-- What a person leaves behind, whichever channel carried it.
CREATE INDEX message_owner ON communication.message (owner);
CREATE INDEX call_owner ON communication.call (owner);
CREATE INDEX conversation_owner ON communication.conversation (owner);
-- What is still to be sent.
CREATE INDEX message_unsent ON communication.message (created_at) WHERE status IN ('queued', 'sending');
-- The latest of all that somebody may see, in whichever spaces.
CREATE INDEX message_newest ON communication.message (created_at DESC, id DESC);
CREATE INDEX conversation_newest ON communication.conversation (last_at DESC, id DESC);
CREATE INDEX call_newest ON communication.call (started_at DESC, id DESC);
