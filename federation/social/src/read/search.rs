//! Search.

use super::entities::{Account, Search, Shared};
use crate::{AccountId, Social, SocialError};

/// What to search for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// The text: words, a handle, a hashtag, an address.
    pub q: String,
    /// Only this kind of thing.
    pub kind: Option<SearchKind>,
    /// Whether to ask other servers for a handle or an address that is not known here. Only for people, never for strangers.
    pub resolve: bool,
    /// Only accounts that the asker follows.
    pub following: bool,
    /// How many of each kind: default 20, at most 40.
    pub limit: Option<u32>,
    /// How many to skip; only together with `kind`.
    pub offset: u32,
}

/// A kind of thing to search for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchKind {
    /// Accounts.
    Accounts,
    /// Hashtags.
    Hashtags,
    /// Posts.
    Statuses,
}

impl Social {
    /// Finds accounts, hashtags and posts. Posts: only what `viewer` may find, that is its own, those that name it, those it marked, and public ones of authors who allow it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn search(
        &self,
        viewer: Option<AccountId>,
        query: &SearchQuery,
    ) -> Result<Search, SocialError> {
        todo!()
    }
    /// Finds accounts only (`/api/v1/accounts/search`).
    ///
    /// # Errors
    /// The store failed.
    pub async fn search_accounts(
        &self,
        viewer: Option<AccountId>,
        query: &SearchQuery,
    ) -> Result<Vec<Shared<Account>>, SocialError> {
        todo!()
    }
}
