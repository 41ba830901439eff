//! Lists, reading positions, preferences, hashtags.

use super::entities::{Account, List, Marker, Preferences, Shared, Tag};
use super::{Page, Paged};
use crate::{AccountId, ListId, Social, SocialError};
use std::collections::BTreeMap;

impl Social {
    /// `viewer`'s lists.
    ///
    /// # Errors
    /// The store failed.
    pub async fn lists(&self, viewer: AccountId) -> Result<Vec<List>, SocialError> {
        todo!()
    }
    /// One of `viewer`'s lists.
    ///
    /// # Errors
    /// Not found (or not `viewer`'s), or the store failed.
    pub async fn list(&self, viewer: AccountId, id: ListId) -> Result<List, SocialError> {
        todo!()
    }
    /// The members of one of `viewer`'s lists. Pages by account id.
    ///
    /// # Errors
    /// Not found (or not `viewer`'s), or the store failed.
    pub async fn list_accounts(
        &self,
        viewer: AccountId,
        id: ListId,
        page: &Page,
    ) -> Result<Paged<Shared<Account>>, SocialError> {
        todo!()
    }
    /// `viewer`'s lists that hold an account.
    ///
    /// # Errors
    /// The store failed.
    pub async fn lists_with(
        &self,
        viewer: AccountId,
        account: AccountId,
    ) -> Result<Vec<List>, SocialError> {
        todo!()
    }
    /// `viewer`'s reading positions in these timelines (`home`, `notifications`).
    ///
    /// # Errors
    /// The store failed.
    pub async fn markers(
        &self,
        viewer: AccountId,
        timelines: &[String],
    ) -> Result<BTreeMap<String, Marker>, SocialError> {
        todo!()
    }
    /// What `viewer` prefers.
    ///
    /// # Errors
    /// Not found, or the store failed.
    pub async fn preferences(&self, viewer: AccountId) -> Result<Preferences, SocialError> {
        todo!()
    }
    /// The hashtags that `viewer` follows. Pages by the following's id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn followed_tags(
        &self,
        viewer: AccountId,
        page: &Page,
    ) -> Result<Paged<Tag>, SocialError> {
        todo!()
    }
    /// A hashtag; unknown ones exist too, unused.
    ///
    /// # Errors
    /// The store failed.
    pub async fn tag_info(
        &self,
        viewer: Option<AccountId>,
        name: &str,
    ) -> Result<Tag, SocialError> {
        todo!()
    }
}
