//! What the end-to-end tests share: whole nodes, an independent peer, a client.
//!
//! Each node is the real program in a process of its own, on a loopback address of its own, with a
//! database of its own on the test command's Postgres (or one it supervises itself), so that nodes
//! talk to each other as they would across the world.

mod address;
mod client;
mod film;
mod household;
mod node;
pub mod outside;
mod peer;
mod schema;
mod script;
mod wait;

pub use address::Address;
pub use client::{Answer, Client, Stream};
pub use film::film;
pub use household::Household;
pub use node::{Bus, Node, NodeOptions};
pub use peer::Peer;
pub use script::{run_python, run_script};
pub use wait::{eventually, eventually_within};

/// The environment variable, or a sentence that says which command sets it.
///
/// # Panics
/// It is not set.
pub fn needed(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set; run the tests with `cargo xtask test`"))
}
