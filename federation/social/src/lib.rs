//! Accounts, posts, timelines, notifications, relationships and media, and their federation.
//!
//! The short paths: a local command (`commands`) or an applied activity (`inbound`) calls the same
//! `write` functions inside one transaction; they change rows, record events and schedule jobs.
//! `outbound` turns events into activities and delivers them, a job a recipient host. `read` answers
//! the client API with Mastodon's entities, `documents` answers other servers. One visibility rule
//! ([`visibility`]) serves them all.

pub mod commands;
pub mod documents;
mod error;
pub mod events;
mod home;
pub mod ids;
pub mod inbound;
mod limits;
pub mod media;
pub mod outbound;
pub mod read;
mod remote;
mod service;
mod settings;
mod signing;
mod store;
pub mod text;
mod threads;
pub mod visibility;
mod write;

pub use error::SocialError;
pub use ids::{
    AccountId, FilterId, FilterKeywordId, FilterPostId, ListId, MediaId, NotificationId, PollId,
    PostId,
};
pub use remote::Resolved;
pub use service::{MIGRATIONS, Social, register};
pub use settings::SocialSettings;
pub use visibility::Visibility;
