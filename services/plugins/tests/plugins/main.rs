//! The plugin manager with real guests, in WAT and, where they were built, our own, against a real Postgres.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod api;
mod guests;
mod harness;
mod lifecycle;
mod oauth;
mod operators;
mod real;
mod sandbox;
mod stage;
