//! The service against a real Postgres, with plugins that do as they are told.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod api;
mod devices;
mod endings;
mod support;
mod syncing;
mod webhooks;
