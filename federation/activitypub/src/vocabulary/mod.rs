//! What other servers say, read with tolerance and with caps.
//!
//! Servers disagree on whether a property is a string, an object or an array, so each is accepted
//! where it makes sense; `null` is the same as absent. Documents are read as plain JSON, as Mastodon
//! does: no context is fetched, and the keywords that let a JSON-LD processor see another graph than
//! a JSON parser are refused. Long texts are cut, long lists end early, long ids do not count.
//!
//! Nothing here says that a claim is true. Compare the signer with [`Activity::actor`], and take an
//! embedded object only when it has the same origin and the same owner; else fetch it from its id.

mod activity;
mod actor;
mod actor_key;
mod attachment;
mod audience;
mod collection;
mod limits;
mod poll;
mod post;
mod read;
mod reference;
mod tag;
mod tombstone;

pub use activity::{Activity, ActivityKind};
pub use actor::{Actor, ActorKind, ProfileField};
pub use actor_key::{ActorPublicKey, KeyMaterial};
pub use attachment::{Attachment, AttachmentKind, FocalPoint};
pub use audience::{PUBLIC, Visibility, is_public};
pub use collection::{Collection, CollectionPage};
pub use poll::{Poll, PollOption};
pub use post::{Post, PostKind};
pub use read::parse_url;
pub use reference::Reference;
pub use tag::{Emoji, Tag};
pub use tombstone::Tombstone;

use serde_json::Value;
use url::Url;

/// The id of a whole document, which is free of misleading keywords.
pub fn document_id(value: &Value) -> Result<Url, VocabularyError> {
    read::Document::root(value)?.id()
}

/// A document is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VocabularyError {
    /// A string, a list or a number where an object is needed.
    #[error("the document is not a JSON object")]
    NotAnObject,
    /// Something without which the document means nothing.
    #[error("the document has no valid {0:?}")]
    Missing(&'static str),
    /// A text that cannot be cut without changing its meaning.
    #[error("{0:?} is too long")]
    TooLong(&'static str),
    /// A type this reader does not read.
    #[error("the type {0:?} is not expected here")]
    UnexpectedType(String),
    /// `@graph`, `@included` or `@reverse`: what a JSON-LD processor reads would differ from what
    /// was checked.
    #[error("the JSON-LD keyword {0:?} is not accepted")]
    Forbidden(String),
}
