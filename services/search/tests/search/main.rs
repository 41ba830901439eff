//! The service against a real Postgres, and each adapter under one suite: Postgres itself, a server that
//! speaks Meilisearch's published HTTP, and a real Meilisearch where `SOVEREIGN_TEST_MEILISEARCH_URL` names
//! one.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod api;
mod meilisearch_filter;
mod meilisearch_server;
mod outages;
mod rebuild;
mod speed;
mod stage;
mod suite;
