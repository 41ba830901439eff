-- Search inside Postgres: trigrams for names, full text for posts.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE INDEX account_display_name ON social.account USING gin (lower(display_name) gin_trgm_ops);

-- The parser leaves tags and their attributes out. No stemming: posts are in many languages.
CREATE INDEX post_text ON social.post
    USING gin (to_tsvector('simple', spoiler_text || ' ' || content_html))
    WHERE boost_of_id IS NULL;

CREATE INDEX post_tag_prefix ON social.post_tag (name text_pattern_ops);

-- Numbers of the node: how many other servers are known.
CREATE INDEX account_local ON social.account (created_at) WHERE domain IS NULL;
