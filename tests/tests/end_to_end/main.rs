//! The end-to-end tests: one binary, a module a story.

mod api;
mod browser;
mod client_library;
mod independent_peer;
mod kill;
mod two_nodes;
mod unavailable;
