-- Who may log in: people, web sessions, OAuth apps, codes and tokens. Secrets are stored hashed.

CREATE SCHEMA IF NOT EXISTS identity;

CREATE TABLE identity.person (
    account_id      bigint PRIMARY KEY,               -- the social account of the same person
    username        text NOT NULL,
    email           text,
    password_hash   text NOT NULL,                    -- argon2id, PHC string
    role            text NOT NULL,                    -- owner, admin, member
    state           text NOT NULL,                    -- active, pending, suspended
    reason          text NOT NULL DEFAULT '',         -- why they want to join, where joining needs approval
    locale          text NOT NULL DEFAULT 'en',
    created_at      timestamptz NOT NULL
);
CREATE UNIQUE INDEX person_username ON identity.person (lower(username));
CREATE UNIQUE INDEX person_email ON identity.person (lower(email)) WHERE email IS NOT NULL;

CREATE TABLE identity.app (
    id              bigint PRIMARY KEY,
    client_id       text NOT NULL UNIQUE,
    secret_hash     bytea NOT NULL,                   -- SHA-256
    name            text NOT NULL,
    website         text,
    redirect_uris   text[] NOT NULL,
    scopes          text[] NOT NULL,
    created_at      timestamptz NOT NULL
);

CREATE TABLE identity.authorization_code (
    code_hash       bytea PRIMARY KEY,
    app_id          bigint NOT NULL REFERENCES identity.app(id) ON DELETE CASCADE,
    account_id      bigint NOT NULL REFERENCES identity.person(account_id) ON DELETE CASCADE,
    redirect_uri    text NOT NULL,
    scopes          text[] NOT NULL,
    challenge       text,                             -- PKCE, S256
    expires_at      timestamptz NOT NULL,
    used_at         timestamptz
);

CREATE TABLE identity.access_token (
    id              bigint PRIMARY KEY,
    token_hash      bytea NOT NULL UNIQUE,            -- SHA-256
    app_id          bigint NOT NULL REFERENCES identity.app(id) ON DELETE CASCADE,
    account_id      bigint REFERENCES identity.person(account_id) ON DELETE CASCADE, -- NULL: the app itself
    scopes          text[] NOT NULL,
    created_at      timestamptz NOT NULL,
    last_used_at    timestamptz,
    revoked_at      timestamptz
);
CREATE INDEX access_token_account ON identity.access_token (account_id, app_id) WHERE revoked_at IS NULL;

CREATE TABLE identity.session (
    token_hash      bytea PRIMARY KEY,
    account_id      bigint NOT NULL REFERENCES identity.person(account_id) ON DELETE CASCADE,
    created_at      timestamptz NOT NULL,
    last_seen_at    timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    user_agent      text NOT NULL DEFAULT ''
);

-- The one-time code that makes the first account (the owner's).
CREATE TABLE identity.setup_code (
    only_one        boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    code_hash       bytea NOT NULL,
    created_at      timestamptz NOT NULL,
    used_at         timestamptz
);
