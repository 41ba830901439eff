//! Connecting to Postgres and bringing schemas up to date.
