-- Accounts at outside services, their schedules and webhooks, and devices: all that comes in lands as records.

CREATE SCHEMA IF NOT EXISTS connectors;

-- An account at an outside service, which a plugin synchronises.
CREATE TABLE connectors.account (
    id                   uuid PRIMARY KEY,
    plugin               text NOT NULL,
    name                 text NOT NULL,
    owner                bigint NOT NULL,                -- the person whose account it is
    space                text NOT NULL,                  -- where what comes from it belongs
    labels               text[] NOT NULL,
    config               jsonb NOT NULL,                 -- settings; secrets are the plugin manager's
    schedule             integer CHECK (schedule > 0),   -- seconds; NULL: by webhook and by hand only
    consent              uuid,
    state                text NOT NULL CHECK (state IN ('active', 'paused', 'needs_sign_in', 'failed')),
    version              bigint NOT NULL DEFAULT 1,      -- of what people set
    cursor               bytea,                          -- opaque, the plugin's
    cursor_version       bigint NOT NULL DEFAULT 0,      -- fences runs: each page and each reset adds one
    next_sync_at         timestamptz,
    not_before           timestamptz,                    -- the source, or the plugin's rest, asks to wait
    queued_at            timestamptz,                    -- a run is scheduled that has not begun
    queued_urgently      boolean NOT NULL DEFAULT false,
    last_sync_at         timestamptz,                    -- the end of the last whole run
    last_error           text,
    consecutive_failures integer NOT NULL DEFAULT 0,
    created_at           timestamptz NOT NULL
);
CREATE INDEX account_due ON connectors.account (next_sync_at) WHERE state = 'active';
CREATE INDEX account_owner ON connectors.account (owner);

-- What became of the latest runs of an account: a run is all pages from a start to its end.
CREATE TABLE connectors.run (
    id                   uuid PRIMARY KEY,
    account              uuid NOT NULL REFERENCES connectors.account (id) ON DELETE CASCADE,
    trigger              text NOT NULL,                  -- schedule, hand, webhook, added, resync
    started_at           timestamptz NOT NULL,
    finished_at          timestamptz,
    pages                integer NOT NULL,
    records              bigint NOT NULL,
    outcome              text NOT NULL,                  -- running, done, failed, stopped
    error                text
);
CREATE INDEX run_account ON connectors.run (account, started_at DESC, id DESC);

-- Which requests of webhooks were taken lately, so that a repeat makes nothing twice.
CREATE TABLE connectors.webhook (
    account              uuid NOT NULL REFERENCES connectors.account (id) ON DELETE CASCADE,
    digest               bytea NOT NULL,                 -- SHA-256 of method, path, body and telling headers
    request              uuid NOT NULL,                  -- its name in the events
    received_at          timestamptz NOT NULL,
    records_digest       bytea,                          -- SHA-256 of the records it brought, where it brought any
    PRIMARY KEY (account, digest)
);
CREATE INDEX webhook_received ON connectors.webhook (received_at);

-- A person's device, which reports with a token of its own.
CREATE TABLE connectors.device (
    id                   uuid PRIMARY KEY,
    person               bigint NOT NULL,
    name                 text NOT NULL,
    kind                 text NOT NULL,                  -- phone, tablet, computer, watch, sensor, vehicle, other
    token_hash           bytea UNIQUE,                   -- SHA-256; NULL: removed
    version              bigint NOT NULL DEFAULT 1,
    created_at           timestamptz NOT NULL,
    last_seen_at         timestamptz,
    removed_at           timestamptz
);
CREATE INDEX device_person ON connectors.device (person) WHERE removed_at IS NULL;

-- Which reports of a device were taken: as long as a report may still come late.
CREATE TABLE connectors.device_report (
    device               uuid NOT NULL REFERENCES connectors.device (id) ON DELETE CASCADE,
    report               text NOT NULL,
    received_at          timestamptz NOT NULL,
    PRIMARY KEY (device, report)
);
CREATE INDEX device_report_received ON connectors.device_report USING brin (received_at);
