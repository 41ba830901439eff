-- The state of now: presence, location, calls and devices, made from events.

CREATE SCHEMA IF NOT EXISTS present;

-- Names this node's keys on a Redis that several nodes may share.
CREATE TABLE present.instance (
    single              boolean PRIMARY KEY DEFAULT true CHECK (single),
    id                  uuid NOT NULL
);

-- Places of the graph that have coordinates, by which a location gets a name.
CREATE TABLE present.zone (
    entity              uuid PRIMARY KEY,
    revision            bigint NOT NULL,                    -- twice its version, one more where it is gone
    gone                boolean NOT NULL,
    absorbed            boolean NOT NULL DEFAULT false,     -- shown as another one
    absorbed_event      uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    space               text NOT NULL,
    name                text NOT NULL,
    latitude            double precision NOT NULL,
    longitude           double precision NOT NULL,
    radius              double precision NOT NULL           -- metres
);
CREATE INDEX zone_space ON present.zone (space) WHERE NOT gone AND NOT absorbed;

-- What was last announced of a state that matters (present.StateChanged), whatever keeps the states
-- themselves: in the transaction of the events that it is decided by. Absent: nothing holds.
CREATE TABLE present.announced (
    subject             text COLLATE "C" NOT NULL,
    facet               text COLLATE "C" NOT NULL,
    space               text NOT NULL,
    value               jsonb NOT NULL,
    at                  timestamptz NOT NULL,
    source              text NOT NULL,                      -- what reported it, as the subject of its events
    PRIMARY KEY (subject, facet)
);

-- Calls that have begun; what is personal of them goes when they end.
CREATE TABLE present.call (
    call                uuid PRIMARY KEY,
    owner               bigint NOT NULL,
    channel             uuid NOT NULL,
    space               text NOT NULL,
    value               jsonb,
    started_at          timestamptz NOT NULL,
    ended_at            timestamptz
);
CREATE INDEX call_active ON present.call (owner, started_at DESC) WHERE ended_at IS NULL;
CREATE INDEX call_active_channel ON present.call (channel, started_at DESC) WHERE ended_at IS NULL;

-- The states, where no Redis keeps them.
CREATE TABLE present.state (
    subject             text COLLATE "C" NOT NULL,          -- person:<account>, device:<uuid>, channel:<uuid>
    facet               text COLLATE "C" NOT NULL,          -- location, presence, call, battery...
    space               text NOT NULL,
    labels              text[] NOT NULL,
    value               jsonb NOT NULL,
    at                  timestamptz NOT NULL,               -- when it was so
    since               timestamptz NOT NULL,               -- since when it has been so
    expires_at          timestamptz NOT NULL,               -- read as absent from then on
    source              text NOT NULL,
    PRIMARY KEY (subject, facet)
);
CREATE INDEX state_expiry ON present.state (expires_at);
CREATE INDEX state_source ON present.state (source);

-- Readings of the last day, for windows; where no Redis keeps them. Each event counts once.
CREATE TABLE present.reading (
    subject             text COLLATE "C" NOT NULL,
    facet               text COLLATE "C" NOT NULL,
    at                  timestamptz NOT NULL,
    event               uuid NOT NULL,
    measure             text COLLATE "C" NOT NULL,
    value               double precision,                   -- none where it is no number
    PRIMARY KEY (subject, facet, at, event, measure)
);
CREATE INDEX reading_age ON present.reading USING brin (at);
