//! What clients read: Mastodon's entities, loaded in batches.
//!
//! A reading has two halves. A statement of `store` finds which rows are on the page, with the rule
//! of visibility and the viewer's blocks and mutes pushed down, so that pages are full. Then
//! [`assemble`] loads what they are, in a number of statements that does not depend on how many
//! rows there are, and asks [`crate::Visibility::admits`] once more for each post. What cannot be
//! shown is left out with a line in the log; it never spoils its page.

mod accounts;
mod ask;
mod assemble;
pub mod cache;
pub mod entities;
pub(crate) mod filters;
mod instance;
mod languages;
mod lists;
mod notifications;
pub(crate) mod page;
mod search;
mod statuses;
pub mod stream;
mod tags;
#[cfg(test)]
pub(crate) mod tests;
mod timelines;
pub(crate) mod views;

pub(crate) use assemble::Wanted;
pub use notifications::NotificationFilter;
pub use page::{Cursor, Links, Page, Paged};
pub use search::{SearchKind, SearchQuery};
pub use timelines::{AccountFilter, CachedPage, PublicFilter, TagFilter};

use std::sync::Arc;

use spine::Runtime;

use crate::Social;
use crate::media::RemoveUnattached;

/// Adds what reading and media need to run beside requests: the cache follows the node's events
/// from now on, and uploads that nobody attached are removed every hour. Called within a tokio
/// runtime.
#[must_use]
pub fn register(runtime: Runtime, social: &Social) -> Runtime {
    cache::follow(social);
    runtime.job::<RemoveUnattached>(Arc::new(social.clone())).cron(
        "social.remove_unattached_media",
        "17 * * * *",
        RemoveUnattached::default(),
    )
}
