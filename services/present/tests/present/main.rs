//! The service against a real Postgres, and each adapter under one suite: Postgres itself, and the Redis or
//! Valkey that `SOVEREIGN_TEST_REDIS_URL` names.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod api;
mod outages;
mod stage;
mod suite;
