-- Refusals are what nearly every evaluation ends with: they are written one row an event, and what they say follows
-- from the event.

-- What came of asking rules that did not act, as it is written first: one row an event, however many rules it
-- triggered. Once a minute, and before anybody reads them, they are folded into `rules.evaluation`: of a thousand
-- refusals of a rule the last fifty.
CREATE TABLE rules.refusal (
    event_id        uuid PRIMARY KEY,
    event_type      text NOT NULL,
    at              timestamptz NOT NULL,
    rules           uuid[] NOT NULL,                  -- these and the next five are as long as each other
    versions        integer[] NOT NULL,
    outcomes        text[] NOT NULL,                  -- refused, throttled
    stops           text[] NOT NULL,
    micros          integer[] NOT NULL,
    traces          jsonb[] NOT NULL,                 -- null: it follows from the event and the rule's version
    about           text[] NOT NULL                   -- whose erasure empties it
);

-- A trace that follows from the event and the rule's version is worked out when somebody asks for it.
ALTER TABLE rules.evaluation ADD COLUMN derived boolean NOT NULL DEFAULT false;

-- Keys of throttles may be phone numbers: they are kept as hashes, and no longer than they throttle.
ALTER TABLE rules.throttle ADD COLUMN until timestamptz;
UPDATE rules.throttle SET key = encode(sha256(convert_to(rule_id::text || ':' || key, 'UTF8')), 'hex') WHERE key <> '';
CREATE INDEX throttle_until ON rules.throttle (until);
