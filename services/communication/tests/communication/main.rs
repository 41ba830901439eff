//! The service against a real Postgres, with a carrier that does as it is told.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod api;
mod erasure;
mod files;
mod inbound;
mod opt_out;
mod outbound;
mod reading;
mod support;
