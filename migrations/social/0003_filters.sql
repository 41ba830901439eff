-- What people do not want to read: words and posts, grouped, for the places where they hold.

CREATE TABLE social.filter (
    id          bigint PRIMARY KEY,
    account_id  bigint NOT NULL REFERENCES social.account(id) ON DELETE CASCADE,
    title       text NOT NULL,
    contexts    text[] NOT NULL,                      -- home, notifications, public, thread, account
    action      text NOT NULL,                        -- warn, hide, blur
    expires_at  timestamptz
);
CREATE INDEX filter_account ON social.filter (account_id);

CREATE TABLE social.filter_keyword (
    id          bigint PRIMARY KEY,
    filter_id   bigint NOT NULL REFERENCES social.filter(id) ON DELETE CASCADE,
    keyword     text NOT NULL,
    whole_word  boolean NOT NULL
);
CREATE INDEX filter_keyword_filter ON social.filter_keyword (filter_id);

CREATE TABLE social.filter_post (
    id          bigint PRIMARY KEY,
    filter_id   bigint NOT NULL REFERENCES social.filter(id) ON DELETE CASCADE,
    post_id     bigint NOT NULL REFERENCES social.post(id) ON DELETE CASCADE,
    UNIQUE (filter_id, post_id)
);
CREATE INDEX filter_post_post ON social.filter_post (post_id);
