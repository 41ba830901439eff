//! The one HTTP client of the node: everything that leaves it goes through [`GuardedClient`].
//!
//! Addresses that come from strangers (an actor's inbox, a picture, a preview card, a plugin's
//! request) must never reach what only the node can reach: the router's web page, a database on
//! loopback, a cloud's metadata service. The guard resolves names itself, checks every resolved
//! address at connect time, hands only public ones to the connector, follows no redirects, counts
//! body bytes after decompression and ends every request in time.
//!
//! Callers that want redirects follow them hop by hop with a fresh [`GuardedClient::send`], so that
//! every hop is checked (and signed) again.

mod address;
mod client;
mod error;
mod policy;
mod resolver;
mod slots;

pub use address::forbidden_reason;
pub use client::{GuardedClient, IncomingResponse, OutgoingRequest};
pub use error::HttpError;
pub use policy::{HttpPolicy, PlainHttp};
