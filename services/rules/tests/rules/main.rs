//! Rules against a real Postgres, with an API made of routes; and the engine by itself.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod api;
mod documents;
mod engine;
mod firing;
mod leaks;
mod limits;
mod refusals;
mod schedules;
mod support;
mod waiting;
