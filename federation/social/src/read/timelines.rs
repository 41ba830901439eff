//! Lists of posts.

use super::entities::{Conversation, Status};
use super::{Links, Page, Paged};
use crate::{AccountId, ListId, Social, SocialError};
use bytes::Bytes;

/// A page as the JSON that clients get, with the cursors of its neighbours.
#[derive(Clone, Debug)]
pub struct CachedPage {
    /// A JSON array of statuses.
    pub body: Bytes,
    /// For the `Link` header.
    pub links: Links,
}

/// Which public posts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublicFilter {
    /// Only ours.
    pub local: bool,
    /// Only others'.
    pub remote: bool,
    /// Only with attachments.
    pub only_media: bool,
}

/// Which posts with a hashtag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagFilter {
    /// Posts with any of these hashtags come in as well.
    pub any: Vec<String>,
    /// All of these hashtags must be there too.
    pub all: Vec<String>,
    /// None of these hashtags may be there.
    pub none: Vec<String>,
    /// Whose posts, and whether with attachments.
    pub public: PublicFilter,
}

/// Which posts of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// Only with attachments.
    pub only_media: bool,
    /// No replies to others.
    pub exclude_replies: bool,
    /// No boosts.
    pub exclude_reblogs: bool,
    /// Only those on the profile.
    pub pinned: bool,
    /// Only with this hashtag.
    pub tagged: Option<String>,
}

impl Social {
    /// What `viewer` follows, newest first: entries written when posts were stored.
    ///
    /// # Errors
    /// The store failed.
    pub async fn home(&self, viewer: AccountId, page: &Page) -> Result<Paged<Status>, SocialError> {
        todo!()
    }
    /// [`Social::home`] as the JSON that clients get, from the cache where nothing has changed.
    ///
    /// # Errors
    /// The store failed.
    pub async fn home_json(
        &self,
        viewer: AccountId,
        page: &Page,
    ) -> Result<CachedPage, SocialError> {
        todo!()
    }
    /// Public posts, no boosts, newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn public(
        &self,
        viewer: Option<AccountId>,
        filter: &PublicFilter,
        page: &Page,
    ) -> Result<Paged<Status>, SocialError> {
        todo!()
    }
    /// Public posts with a hashtag, newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn tag(
        &self,
        viewer: Option<AccountId>,
        name: &str,
        filter: &TagFilter,
        page: &Page,
    ) -> Result<Paged<Status>, SocialError> {
        todo!()
    }
    /// Posts of a list's members, newest first.
    ///
    /// # Errors
    /// The list is not found or not `viewer`'s, or the store failed.
    pub async fn list_timeline(
        &self,
        viewer: AccountId,
        list: ListId,
        page: &Page,
    ) -> Result<Paged<Status>, SocialError> {
        todo!()
    }
    /// An account's posts, newest first; `pinned` ones by the time of pinning.
    ///
    /// # Errors
    /// The account is not found, or the store failed.
    pub async fn account_statuses(
        &self,
        viewer: Option<AccountId>,
        id: AccountId,
        filter: &AccountFilter,
        page: &Page,
    ) -> Result<Paged<Status>, SocialError> {
        todo!()
    }
    /// What `viewer` marked as a favourite, newest mark first. Pages by favourite id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn favourites(
        &self,
        viewer: AccountId,
        page: &Page,
    ) -> Result<Paged<Status>, SocialError> {
        todo!()
    }
    /// What `viewer` bookmarked, newest mark first. Pages by bookmark id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn bookmarks(
        &self,
        viewer: AccountId,
        page: &Page,
    ) -> Result<Paged<Status>, SocialError> {
        todo!()
    }
    /// Threads of direct posts that `viewer` takes part in, by their newest post. Pages by that post's id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn conversations(
        &self,
        viewer: AccountId,
        page: &Page,
    ) -> Result<Paged<Conversation>, SocialError> {
        todo!()
    }
}
