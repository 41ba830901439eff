//! What clients read: Mastodon's entities, loaded in batches.

mod accounts;
pub mod cache;
pub mod entities;
mod instance;
mod lists;
mod notifications;
mod page;
mod search;
mod statuses;
pub mod stream;
mod timelines;

pub use notifications::NotificationFilter;
pub use page::{Cursor, Links, Page, Paged};
pub use search::{SearchKind, SearchQuery};
pub use timelines::{AccountFilter, CachedPage, PublicFilter, TagFilter};

use spine::Runtime;

use crate::Social;

/// Adds what reading and media need to run beside requests.
#[must_use]
pub fn register(runtime: Runtime, social: &Social) -> Runtime {
    todo!()
}
