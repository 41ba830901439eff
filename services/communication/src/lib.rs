//! Channels, conversations, messages and calls.
//!
//! What reaches a channel (a webhook that its plugin found genuine) is resolved against the household's
//! contacts, stored with its events and its entities in one transaction, and only then answered; the same
//! delivered again makes nothing twice.
//!
//! What goes out is a job ([`contracts::jobs::SendOutgoingMessage`]): the policy is asked at each attempt, the
//! row says `sending` before the service hears of it, and the message's id is the idempotency key there, so
//! that a crash between the service's yes and our commit sends the same message again rather than another. How
//! far a message has come only ever moves forward.
//!
//! What is erased goes everywhere: rows here, what the ledger has of them, entities with their history, and what was
//! still to be sent ([`erasure`]).

mod address;
pub mod api;
mod calls;
mod channel;
mod channels;
mod contacts;
mod entities;
mod erasure;
mod error;
mod handlers;
mod inbound;
mod jobs;
mod message;
mod opt_out;
mod outbound;
mod reading;
mod service;
mod store;

pub use address::{Address, Scheme};
pub use api::routes;
pub use calls::{Call, CallStatus};
pub use channel::{Channel, ChannelState, NewChannel};
pub use channels::ChannelChange;
pub use error::CommunicationError;
pub use message::{Direction, LONGEST_TEXT, Message, Status};
pub use outbound::NewMessage;
pub use service::{Communication, register};

/// The schema `communication`.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/communication");
