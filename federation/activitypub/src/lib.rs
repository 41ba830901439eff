//! The ActivityPub protocol: vocabulary, signatures, fetching, WebFinger, delivery.
//!
//! This crate speaks with other servers and knows no database: what it remembers, it is handed. It
//! turns strangers' JSON into plain structs ([`vocabulary`]), our structs into JSON ([`builders`]),
//! proves and checks who sent what ([`keys`], [`signature`]), brings documents in ([`fetch`],
//! [`webfinger`]) and takes activities out ([`deliver`]).
//!
//! Two rules hold throughout. Whatever comes from outside is a claim until its origin is proven: an
//! object counts only when it was fetched from its own id, or signed by the key of its owner. And
//! whatever comes from outside is capped: strings, lists, pages, hops, bytes.

pub mod builders;
pub mod deliver;
pub mod fetch;
mod gate;
pub mod keys;
mod knock;
mod media_type;
pub mod origin;
mod redirect;
mod retry_after;
pub mod signature;
#[cfg(test)]
mod test_server;
pub mod vocabulary;
pub mod webfinger;

pub use gate::{HostGate, OpenGate};
pub use media_type::is_activity_streams;
pub use redirect::RedirectError;
