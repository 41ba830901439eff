-- What the node itself remembers between starts.

CREATE SCHEMA IF NOT EXISTS node;

-- Settings that are fixed at first start, such as the origin that every id begins with.
CREATE TABLE node.setting (
    name    text PRIMARY KEY,
    value   text NOT NULL,
    set_at  timestamptz NOT NULL
);
