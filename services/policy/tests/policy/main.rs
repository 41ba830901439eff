//! The policy service: its decisions, its data, its audit log, its API.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod api;
mod audit;
mod decisions;
mod learning;
mod own_policies;
mod permitted;
mod support;
