-- Rules: when something happens and this holds, do that.

CREATE SCHEMA IF NOT EXISTS rules;

-- Counts the changes of rules. Each change takes the next number and holds the row until it commits, so that a
-- process that knows all up to a number finds what came after by looking for greater ones.
CREATE TABLE rules.generation (
    singleton       boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    value           bigint NOT NULL
);
INSERT INTO rules.generation (value) VALUES (0);

-- The rules, as they are now. One that was removed stays as a stone, so that other processes hear of it.
CREATE TABLE rules.rule (
    id              uuid PRIMARY KEY,
    owner_id        bigint NOT NULL,                  -- the account of whoever made it
    space           text NOT NULL,                    -- the owner's own, or the household's
    name            text NOT NULL,
    version         integer NOT NULL,
    enabled         boolean NOT NULL,
    stopped         text,                             -- why its limits stopped it
    since           timestamptz NOT NULL,             -- what happened before does not trigger it
    generation      bigint NOT NULL,
    made_at         timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    removed_at      timestamptz
);
CREATE INDEX rule_generation ON rules.rule (generation);
CREATE INDEX rule_space ON rules.rule (space, id) WHERE removed_at IS NULL;
CREATE INDEX rule_owner ON rules.rule (owner_id) WHERE removed_at IS NULL;

-- Every version of a rule's document.
CREATE TABLE rules.version (
    rule_id         uuid NOT NULL REFERENCES rules.rule,
    version         integer NOT NULL,
    media_type      text NOT NULL,                    -- as it was sent: application/json, application/yaml
    source          text NOT NULL,                    -- as it was sent, with its comments
    document        jsonb NOT NULL,
    hash            bytea NOT NULL,                   -- SHA-256 of the source
    made_at         timestamptz NOT NULL,
    made_by         text NOT NULL,
    PRIMARY KEY (rule_id, version)
);

-- The types of event that trigger a rule: to keep how many one owner may have of each.
CREATE TABLE rules.trigger (
    rule_id         uuid NOT NULL REFERENCES rules.rule,
    owner_id        bigint NOT NULL,
    type            text NOT NULL,
    PRIMARY KEY (rule_id, type)
);
CREATE INDEX trigger_type ON rules.trigger (owner_id, type);

-- How often a rule did what. Whoever writes what came of an evaluation holds its row, one at a time.
CREATE TABLE rules.tally (
    rule_id         uuid PRIMARY KEY REFERENCES rules.rule,
    fired           bigint NOT NULL DEFAULT 0,
    refused         bigint NOT NULL DEFAULT 0,
    failed          bigint NOT NULL DEFAULT 0,
    fired_at        timestamptz,
    evaluated_at    timestamptz
) WITH (fillfactor = 70);

-- What came of evaluations, and why. A ring for each rule and class: 50 that fired or wait, 50 that were refused,
-- 1,000 that failed; the next one takes the place of the oldest, and a busy rule takes no place of another's.
CREATE TABLE rules.evaluation (
    id              uuid PRIMARY KEY,                 -- follows from rule and event
    rule_id         uuid NOT NULL REFERENCES rules.rule,
    version         integer NOT NULL,
    event_id        uuid NOT NULL,
    event_type      text NOT NULL,
    outcome         text NOT NULL,                    -- fired, refused, failed, throttled, waiting
    class           smallint NOT NULL,                -- 0 fired or waiting, 1 refused or throttled, 2 failed
    slot            integer NOT NULL,
    at              timestamptz NOT NULL,
    micros          integer NOT NULL,                 -- how long it took
    trace           jsonb NOT NULL,
    about           text[] NOT NULL,                  -- whose erasure empties the trace
    UNIQUE (rule_id, event_id),
    UNIQUE (rule_id, class, slot)
);
CREATE INDEX evaluation_time ON rules.evaluation (rule_id, at DESC, id DESC);
CREATE INDEX evaluation_about ON rules.evaluation USING gin (about);

-- Which events a rule acted on: longer than traces are kept, so that an event that is delivered again does nothing.
CREATE TABLE rules.firing (
    rule_id         uuid NOT NULL,
    event_id        uuid NOT NULL,
    depth           integer NOT NULL,                 -- how many rules led to it, with this one
    at              timestamptz NOT NULL,
    PRIMARY KEY (rule_id, event_id)
);
CREATE INDEX firing_event ON rules.firing (event_id);
CREATE INDEX firing_time ON rules.firing (rule_id, at);

-- Rules whose conditions hold and that wait whether they go on holding (`for`).
CREATE TABLE rules.waiting (
    rule_id         uuid NOT NULL REFERENCES rules.rule,
    event_id        uuid NOT NULL,
    subject         text NOT NULL,                    -- of the event
    version         integer NOT NULL,
    until           timestamptz NOT NULL,
    PRIMARY KEY (rule_id, event_id)
);

-- When a rule acted last, for each key of its throttle.
CREATE TABLE rules.throttle (
    rule_id         uuid NOT NULL REFERENCES rules.rule,
    key             text NOT NULL,
    fired_at        timestamptz NOT NULL,
    PRIMARY KEY (rule_id, key)
);

-- When the schedules of rules come next.
CREATE TABLE rules.schedule (
    rule_id         uuid PRIMARY KEY REFERENCES rules.rule,
    next_at         timestamptz NOT NULL
);
CREATE INDEX schedule_next ON rules.schedule (next_at);
