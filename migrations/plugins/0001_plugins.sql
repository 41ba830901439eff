-- The plugin manager: sandboxed WebAssembly components, their life cycle and their limits.

CREATE SCHEMA IF NOT EXISTS plugins;

-- Components by what they are. Several versions or plugins may share one; it goes when none has it.
CREATE TABLE plugins.component (
    digest          bytea PRIMARY KEY,                -- SHA-256
    wasm            bytea NOT NULL,
    added_at        timestamptz NOT NULL
);
-- Compressing it would cost more than it saves: it is read whole, once a process.
ALTER TABLE plugins.component ALTER COLUMN wasm SET STORAGE EXTERNAL;

-- Rises with each change of any plugin, so that a process never takes an older state for a newer one,
-- also not across a removal.
CREATE SEQUENCE plugins.revision;

-- Plugins that are installed.
CREATE TABLE plugins.plugin (
    id              text PRIMARY KEY,
    revision        bigint NOT NULL,
    state           text NOT NULL,                    -- installed, enabled, disabled, quarantined
    version         text NOT NULL,                    -- the one that is called
    pending         text,                             -- a newer one that asks for more than was granted
    granted         jsonb,                            -- what the operator granted
    granted_by      text,
    granted_at      timestamptz,
    publisher_key   bytea,                            -- Ed25519; upgrades must be signed under it too
    reason          text,                             -- why it is quarantined
    installed_at    timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL
);

-- Versions of a plugin: the one that is called, the pending one, and some before, for going back.
CREATE TABLE plugins.version (
    plugin          text NOT NULL REFERENCES plugins.plugin(id) ON DELETE CASCADE,
    version         text NOT NULL,
    digest          bytea NOT NULL REFERENCES plugins.component(digest),
    manifest        text NOT NULL,                    -- plugin.toml as it is in the component
    config_schema   jsonb NOT NULL,                   -- what describe() says
    kinds           text[] NOT NULL,
    added_at        timestamptz NOT NULL,
    PRIMARY KEY (plugin, version)
);
CREATE INDEX version_digest ON plugins.version (digest);

-- Secrets of accounts, sealed under the node's own key. `revision` rises with each change: whoever
-- refreshes a token stores it only over the one that it was made from.
CREATE TABLE plugins.secret (
    plugin          text NOT NULL REFERENCES plugins.plugin(id) ON DELETE CASCADE,
    account         uuid NOT NULL,
    name            text NOT NULL,
    sealed          bytea NOT NULL,
    complete        boolean NOT NULL,                 -- false: a sign-in has begun, and there is no token yet
    revision        bigint NOT NULL,
    expires_at      timestamptz,                      -- of an access token
    set_at          timestamptz NOT NULL,
    PRIMARY KEY (plugin, account, name)
);

-- State that plugins keep for accounts.
CREATE TABLE plugins.state (
    plugin          text NOT NULL REFERENCES plugins.plugin(id) ON DELETE CASCADE,
    account         uuid NOT NULL,
    key             text COLLATE "C" NOT NULL,
    value           bytea NOT NULL,
    PRIMARY KEY (plugin, account, key)
);

-- How plugins do, added up over all processes.
CREATE TABLE plugins.health (
    plugin          text PRIMARY KEY REFERENCES plugins.plugin(id) ON DELETE CASCADE,
    calls           bigint NOT NULL,
    failures        bigint NOT NULL,                  -- the plugin said that it could not
    stops           bigint NOT NULL,                  -- it broke a limit or trapped
    latency         bigint[] NOT NULL,                -- calls by how long they took: powers of two of 0.1 ms
    last_error      text,
    last_error_at   timestamptz,
    last_call_at    timestamptz NOT NULL
);
