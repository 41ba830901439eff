//! What other servers fetch: actors, posts, collections, WebFinger, NodeInfo.
//!
//! Everything is JSON to be sent as `application/activity+json`, except WebFinger
//! (`application/jrd+json`), NodeInfo (`application/json`) and host-meta (XML). What is not for
//! everyone is given only to an actor whose signature [`Social::verify_fetch`] accepted and whom
//! the one rule of visibility admits; to anybody else it looks the same as what does not exist.

mod access;
mod actors;
pub(crate) mod cache;
mod collections;
mod discovery;
mod posts;
pub(crate) mod render;

#[cfg(test)]
mod tests;

use serde_json::Value;

pub use access::FetchRequest;
pub use collections::Part;

use crate::Social;

/// What is found under an id.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// The document.
    Here(Value),
    /// It was deleted: its tombstone, to be answered with 410.
    Gone(Value),
}

impl Document {
    /// The JSON to send.
    pub fn into_value(self) -> Value {
        match self {
            Self::Here(value) | Self::Gone(value) => value,
        }
    }

    /// Whether it was deleted.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone(_))
    }
}

impl Social {
    /// An address of ours that was stored as text; one that is no URL (none should be) leads to
    /// our front page.
    pub(crate) fn own_url(&self, text: &str) -> url::Url {
        activitypub::vocabulary::parse_url(text).unwrap_or_else(|| self.settings().origin.clone())
    }
}
