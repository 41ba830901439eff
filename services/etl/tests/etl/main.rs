//! The ETL service through its events, its jobs and its API, on a real Postgres.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod accounts;
mod api;
mod built_in;
mod consent;
mod erasure;
mod hostile;
mod incoming;
mod replaced;
mod reruns;
mod support;
mod visible;
mod volume;
