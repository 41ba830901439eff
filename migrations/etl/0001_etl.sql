-- From raw records to the unified model: mappings, normalising, identity.

CREATE SCHEMA IF NOT EXISTS etl;
