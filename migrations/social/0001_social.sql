-- Accounts, posts, timelines, notifications, relationships and media.
--
-- Ids are snowflakes (bigint, sortable by time). Local and remote things share tables: `domain IS NULL`
-- is ours. `uri` is the ActivityPub id and unique over both.

CREATE SCHEMA IF NOT EXISTS social;

CREATE TABLE social.account (
    id              bigint PRIMARY KEY,
    uri             text NOT NULL UNIQUE,
    url             text NOT NULL,
    username        text NOT NULL,
    domain          text,                             -- NULL: local. Lower case, punycode.
    kind            text NOT NULL DEFAULT 'Person',   -- Person, Service, Group, Organization, Application
    display_name    text NOT NULL DEFAULT '',
    note_html       text NOT NULL DEFAULT '',         -- cleaned HTML
    note_text       text NOT NULL DEFAULT '',         -- local: what the person typed
    fields          jsonb NOT NULL DEFAULT '[]',      -- [{name, value_html, value_text, verified_at}]
    emojis          jsonb NOT NULL DEFAULT '[]',      -- [{shortcode, url}] of remote actors
    avatar_url      text,                             -- remote address, or our media path
    header_url      text,
    locked          boolean NOT NULL DEFAULT false,
    bot             boolean NOT NULL DEFAULT false,
    discoverable    boolean NOT NULL DEFAULT false,
    indexable       boolean NOT NULL DEFAULT false,
    hide_collections boolean NOT NULL DEFAULT false,
    inbox_url       text NOT NULL DEFAULT '',
    shared_inbox_url text,
    outbox_url      text,
    followers_url   text,
    following_url   text,
    featured_url    text,
    also_known_as   text[] NOT NULL DEFAULT '{}',
    moved_to        bigint REFERENCES social.account(id) ON DELETE SET NULL,
    created_at      timestamptz NOT NULL,
    fetched_at      timestamptz,                      -- remote: when the actor document was last read
    suspended_at    timestamptz,
    deleted_at      timestamptz,                      -- the row stays as a tombstone, its text is gone
    followers_count bigint NOT NULL DEFAULT 0,
    following_count bigint NOT NULL DEFAULT 0,
    statuses_count  bigint NOT NULL DEFAULT 0,
    last_status_at  timestamptz
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX account_handle ON social.account (lower(username), coalesce(domain, ''));
CREATE INDEX account_domain ON social.account (domain) WHERE domain IS NOT NULL;
CREATE INDEX account_search ON social.account (lower(username) text_pattern_ops);

-- Public keys by key id; a remote actor can have several (FEP-521a).
CREATE TABLE social.public_key (
    key_id      text PRIMARY KEY,
    account_id  bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    material    text NOT NULL,                        -- PEM, or a multibase Multikey
    fetched_at  timestamptz NOT NULL
);
CREATE INDEX public_key_account ON social.public_key (account_id);

-- What only local accounts have. Private keys are sealed under the node's own key.
CREATE TABLE social.local_account (
    account_id          bigint PRIMARY KEY REFERENCES social.account(id) ON DELETE CASCADE,
    rsa_key_sealed      bytea NOT NULL,
    rsa_public_pem      text NOT NULL,
    ed25519_key_sealed  bytea NOT NULL,
    ed25519_multibase   text NOT NULL,
    default_visibility  smallint NOT NULL DEFAULT 0,
    default_sensitive   boolean NOT NULL DEFAULT false,
    default_language    text,
    last_notification_read bigint NOT NULL DEFAULT 0
);

CREATE TABLE social.post (
    id                  bigint PRIMARY KEY,
    uri                 text NOT NULL UNIQUE,
    url                 text NOT NULL,
    author_id           bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    local               boolean NOT NULL,
    kind                text NOT NULL DEFAULT 'Note',
    -- A boost is a post of its own whose boost_of_id is set and whose text is empty.
    boost_of_id         bigint REFERENCES social.post(id) ON DELETE CASCADE,
    in_reply_to_id      bigint,
    in_reply_to_account_id bigint,
    in_reply_to_uri     text,                         -- kept while the parent is unknown
    conversation_id     bigint NOT NULL,              -- id of the thread's first known post
    visibility          smallint NOT NULL,            -- 0 public, 1 unlisted, 2 private, 3 direct
    content_html        text NOT NULL DEFAULT '',
    content_text        text,                         -- local: the source as typed
    spoiler_text        text NOT NULL DEFAULT '',
    sensitive           boolean NOT NULL DEFAULT false,
    language            text,
    emojis              jsonb NOT NULL DEFAULT '[]',
    card                jsonb,
    application_name    text,
    application_website text,
    created_at          timestamptz NOT NULL,
    edited_at           timestamptz,
    received_at         timestamptz NOT NULL,
    replies_count       bigint NOT NULL DEFAULT 0,
    boosts_count        bigint NOT NULL DEFAULT 0,
    favourites_count    bigint NOT NULL DEFAULT 0,
    replies_url         text,
    replies_fetched_at  timestamptz
) WITH (fillfactor = 85);
CREATE INDEX post_author ON social.post (author_id, id DESC);
CREATE INDEX post_conversation ON social.post (conversation_id, id);
CREATE INDEX post_in_reply_to ON social.post (in_reply_to_id) WHERE in_reply_to_id IS NOT NULL;
CREATE INDEX post_orphan ON social.post (in_reply_to_uri) WHERE in_reply_to_uri IS NOT NULL AND in_reply_to_id IS NULL;
CREATE UNIQUE INDEX post_boost ON social.post (boost_of_id, author_id) WHERE boost_of_id IS NOT NULL;
CREATE INDEX post_public ON social.post (id DESC) WHERE visibility = 0 AND boost_of_id IS NULL;
CREATE INDEX post_public_local ON social.post (id DESC) WHERE visibility = 0 AND boost_of_id IS NULL AND local;

CREATE TABLE social.post_mention (
    post_id     bigint NOT NULL REFERENCES social.post(id) ON DELETE CASCADE,
    account_id  bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    silent      boolean NOT NULL DEFAULT false,       -- addressed, not named in the text
    PRIMARY KEY (post_id, account_id)
);
CREATE INDEX post_mention_account ON social.post_mention (account_id, post_id DESC);

CREATE TABLE social.post_tag (
    post_id     bigint NOT NULL REFERENCES social.post(id) ON DELETE CASCADE,
    name        text NOT NULL,                        -- lower case, without #
    PRIMARY KEY (post_id, name)
);
CREATE INDEX post_tag_name ON social.post_tag (name, post_id DESC);

-- Earlier versions of an edited post, oldest first; the current one is in social.post.
CREATE TABLE social.post_edit (
    post_id         bigint NOT NULL REFERENCES social.post(id) ON DELETE CASCADE,
    version         integer NOT NULL,
    content_html    text NOT NULL,
    content_text    text,
    spoiler_text    text NOT NULL,
    sensitive       boolean NOT NULL,
    media           jsonb NOT NULL DEFAULT '[]',
    poll_options    jsonb,
    created_at      timestamptz NOT NULL,             -- when this version became current
    PRIMARY KEY (post_id, version)
);

CREATE TABLE social.media (
    id              bigint PRIMARY KEY,
    account_id      bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    post_id         bigint REFERENCES social.post(id) ON DELETE CASCADE,
    position        smallint NOT NULL DEFAULT 0,
    kind            text NOT NULL,                    -- image, gifv, video, audio, unknown
    content_type    text NOT NULL,
    path            text,                             -- local: key in the media store
    preview_path    text,
    remote_url      text,
    preview_remote_url text,
    description     text,
    blurhash        text,
    focus_x         real,
    focus_y         real,
    width           integer,
    height          integer,
    preview_width   integer,
    preview_height  integer,
    bytes           bigint,
    created_at      timestamptz NOT NULL
);
CREATE INDEX media_post ON social.media (post_id, position) WHERE post_id IS NOT NULL;
CREATE INDEX media_unattached ON social.media (created_at) WHERE post_id IS NULL;

CREATE TABLE social.poll (
    id          bigint PRIMARY KEY,
    post_id     bigint NOT NULL UNIQUE REFERENCES social.post(id) ON DELETE CASCADE,
    multiple    boolean NOT NULL,
    hide_totals boolean NOT NULL DEFAULT false,
    ends_at     timestamptz,
    closed_at   timestamptz,
    voters_count bigint NOT NULL DEFAULT 0,
    fetched_at  timestamptz,
    update_due_at timestamptz                         -- local: when other servers hear the counts
);
CREATE TABLE social.poll_option (
    poll_id     bigint NOT NULL REFERENCES social.poll(id) ON DELETE CASCADE,
    position    smallint NOT NULL,
    title       text NOT NULL,
    votes_count bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (poll_id, position)
);
CREATE TABLE social.poll_vote (
    poll_id     bigint NOT NULL REFERENCES social.poll(id) ON DELETE CASCADE,
    account_id  bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    position    smallint NOT NULL,
    uri         text,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (poll_id, account_id, position)
);

CREATE TABLE social.favourite (
    id          bigint PRIMARY KEY,                   -- paging by the time of favouriting
    account_id  bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    post_id     bigint NOT NULL REFERENCES social.post(id) ON DELETE CASCADE,
    uri         text NOT NULL,                        -- the Like's id
    created_at  timestamptz NOT NULL,
    UNIQUE (post_id, account_id)
);
CREATE INDEX favourite_account ON social.favourite (account_id, id DESC);
CREATE TABLE social.bookmark (
    id          bigint PRIMARY KEY,
    account_id  bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    post_id     bigint NOT NULL REFERENCES social.post(id) ON DELETE CASCADE,
    created_at  timestamptz NOT NULL,
    UNIQUE (account_id, post_id)
);
CREATE TABLE social.pin (
    id          bigint PRIMARY KEY,
    account_id  bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    post_id     bigint NOT NULL REFERENCES social.post(id) ON DELETE CASCADE,
    created_at  timestamptz NOT NULL,
    UNIQUE (account_id, post_id)
);
CREATE TABLE social.conversation_mute (
    account_id      bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    conversation_id bigint NOT NULL,
    PRIMARY KEY (account_id, conversation_id)
);

CREATE TABLE social.follow (
    id          bigint PRIMARY KEY,
    follower_id bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    target_id   bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    accepted    boolean NOT NULL,                     -- false: a request that waits
    uri         text NOT NULL,                        -- the Follow's id
    show_boosts boolean NOT NULL DEFAULT true,
    notify      boolean NOT NULL DEFAULT false,
    languages   text[],
    created_at  timestamptz NOT NULL,
    UNIQUE (follower_id, target_id)
);
CREATE INDEX follow_target ON social.follow (target_id, id DESC);
CREATE INDEX follow_follower ON social.follow (follower_id, id DESC);
CREATE INDEX follow_uri ON social.follow (uri);

CREATE TABLE social.block (
    id          bigint PRIMARY KEY,
    account_id  bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    target_id   bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    uri         text NOT NULL,
    created_at  timestamptz NOT NULL,
    UNIQUE (account_id, target_id)
);
CREATE INDEX block_target ON social.block (target_id);
CREATE TABLE social.mute (
    id          bigint PRIMARY KEY,
    account_id  bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    target_id   bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    notifications boolean NOT NULL DEFAULT true,
    expires_at  timestamptz,
    created_at  timestamptz NOT NULL,
    UNIQUE (account_id, target_id)
);
-- Hosts that one account (or, with account_id NULL, the whole node) wants nothing of.
CREATE TABLE social.domain_block (
    id          bigint PRIMARY KEY,
    account_id  bigint REFERENCES social.account(id) ON DELETE CASCADE,
    domain      text NOT NULL,                        -- covers its subdomains
    reason      text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (account_id, domain)
);
CREATE TABLE social.account_note (
    account_id  bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    target_id   bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    comment     text NOT NULL,
    PRIMARY KEY (account_id, target_id)
);

-- A local account's home timeline, fanned out on write. post_id is the boost's own id for boosts.
CREATE TABLE social.home_entry (
    account_id  bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    post_id     bigint NOT NULL REFERENCES social.post(id) ON DELETE CASCADE,
    author_id   bigint NOT NULL,
    boost_of_id bigint,                               -- a boost's post: shown once among the newest
    PRIMARY KEY (account_id, post_id)
);
CREATE INDEX home_entry_author ON social.home_entry (account_id, author_id);
CREATE INDEX home_entry_post ON social.home_entry (post_id);

CREATE TABLE social.notification (
    id          bigint PRIMARY KEY,
    account_id  bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    kind        text NOT NULL,   -- mention, status, reblog, follow, follow_request, favourite, poll, update, admin.report, admin.sign_up
    from_id     bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    post_id     bigint REFERENCES social.post(id) ON DELETE CASCADE,
    report_id   bigint,
    created_at  timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (account_id, kind, from_id, post_id, report_id)
);
CREATE INDEX notification_account ON social.notification (account_id, id DESC);
CREATE INDEX notification_post ON social.notification (post_id) WHERE post_id IS NOT NULL;

CREATE TABLE social.marker (
    account_id  bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    timeline    text NOT NULL,
    last_read_id text NOT NULL,
    version     integer NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, timeline)
);

CREATE TABLE social.list (
    id          bigint PRIMARY KEY,
    account_id  bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    title       text NOT NULL,
    replies_policy text NOT NULL DEFAULT 'list',
    exclusive   boolean NOT NULL DEFAULT false
);
CREATE INDEX list_account ON social.list (account_id);
CREATE TABLE social.list_member (
    list_id     bigint NOT NULL REFERENCES social.list(id) ON DELETE CASCADE,
    account_id  bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    PRIMARY KEY (list_id, account_id)
);
CREATE TABLE social.followed_tag (
    id          bigint PRIMARY KEY,
    account_id  bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    name        text NOT NULL,
    UNIQUE (account_id, name)
);

CREATE TABLE social.report (
    id          bigint PRIMARY KEY,
    account_id  bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    target_id   bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    comment     text NOT NULL DEFAULT '',
    category    text NOT NULL DEFAULT 'other',
    post_ids    bigint[] NOT NULL DEFAULT '{}',
    uri         text UNIQUE,
    forwarded   boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL,
    resolved_at timestamptz
);

-- Activities that were already applied: (origin of the actor is within the id). Pruned after 30 days.
CREATE TABLE social.applied_activity (
    activity_uri text PRIMARY KEY,
    applied_at  timestamptz NOT NULL
);
-- What was deleted, so that a late Create does not bring it back.
CREATE TABLE social.tombstone (
    uri         text PRIMARY KEY,
    actor_uri   text NOT NULL,
    deleted_at  timestamptz NOT NULL
);

-- Activities on their way to other servers, once for all recipients. Removed when what they are about
-- is deleted, and four days after they were made.
CREATE TABLE social.outgoing_activity (
    id          bigint PRIMARY KEY,
    about       text NOT NULL,                        -- URI of the post or actor it shows
    body        text NOT NULL,                        -- JSON, as it is signed
    created_at  timestamptz NOT NULL
);
CREATE INDEX outgoing_activity_about ON social.outgoing_activity (about);
CREATE INDEX outgoing_activity_created ON social.outgoing_activity (created_at);

-- What we learned about a remote host: bounded, expired by housekeeping.
CREATE TABLE social.remote_host (
    domain          text PRIMARY KEY,
    signature_form  smallint NOT NULL DEFAULT 0,      -- 0 draft-cavage-12, 1 RFC 9421
    failures        integer NOT NULL DEFAULT 0,       -- in a row
    failing_since   timestamptz,
    open_until      timestamptz,                      -- circuit breaker
    last_success_at timestamptz,
    software        text,
    updated_at      timestamptz NOT NULL
);

-- One hour's memory of Idempotency-Key (Mastodon: methods/statuses).
CREATE TABLE social.idempotency (
    account_id  bigint NOT NULL,
    key         text NOT NULL,
    post_id     bigint NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, key)
);
