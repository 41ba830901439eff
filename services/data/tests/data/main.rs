//! The service against a real Postgres: through its jobs, its events and its API.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod api;
mod edges;
mod erasure;
mod hostile;
mod merges;
mod posts;
mod support;
mod volume;
mod writes;
