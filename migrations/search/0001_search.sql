-- Search over the graph: one port, Postgres by default, Meilisearch where configured.

CREATE SCHEMA IF NOT EXISTS search;
