//! The end-to-end tests: one binary, a module a story.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod api;
mod browser;
mod client_library;
mod events_command;
mod filters;
mod flow_connector_to_storage;
mod flow_inbound_call_to_sms;
mod habits;
mod independent_peer;
mod joining;
mod kill;
mod limits;
mod media;
mod plugin_try;
mod sovereign_api;
mod two_nodes;
mod unavailable;
mod up;
