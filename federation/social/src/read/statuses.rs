//! Single posts, threads, and who reacted.

use super::entities::{Account, Context, Poll, Report, Shared, Status, StatusEdit, StatusSource};
use super::{Page, Paged};
use crate::{AccountId, PollId, PostId, Social, SocialError};

impl Social {
    /// A post.
    ///
    /// # Errors
    /// Not found (or not for `viewer`), or the store failed.
    pub async fn status(
        &self,
        viewer: Option<AccountId>,
        id: PostId,
    ) -> Result<Status, SocialError> {
        todo!()
    }
    /// Several posts, in the order asked for; what `viewer` may not see is left out.
    ///
    /// # Errors
    /// The store failed.
    pub async fn statuses(
        &self,
        viewer: Option<AccountId>,
        ids: &[PostId],
    ) -> Result<Vec<Status>, SocialError> {
        todo!()
    }
    /// A post's thread. Strangers get less of long threads.
    ///
    /// # Errors
    /// Not found (or not for `viewer`), or the store failed.
    pub async fn context(
        &self,
        viewer: Option<AccountId>,
        id: PostId,
    ) -> Result<Context, SocialError> {
        todo!()
    }
    /// Every version of a post, oldest first.
    ///
    /// # Errors
    /// Not found (or not for `viewer`), or the store failed.
    pub async fn status_history(
        &self,
        viewer: Option<AccountId>,
        id: PostId,
    ) -> Result<Vec<StatusEdit>, SocialError> {
        todo!()
    }
    /// A post as its author, who alone may ask, typed it.
    ///
    /// # Errors
    /// Not found (or not `viewer`'s), or the store failed.
    pub async fn status_source(
        &self,
        viewer: AccountId,
        id: PostId,
    ) -> Result<StatusSource, SocialError> {
        todo!()
    }
    /// Who marked a post as a favourite, newest first. Pages by favourite id.
    ///
    /// # Errors
    /// Not found (or not for `viewer`), or the store failed.
    pub async fn favourited_by(
        &self,
        viewer: Option<AccountId>,
        id: PostId,
        page: &Page,
    ) -> Result<Paged<Shared<Account>>, SocialError> {
        todo!()
    }
    /// Who boosted a post, newest first. Pages by the boosts' own ids.
    ///
    /// # Errors
    /// Not found (or not for `viewer`), or the store failed.
    pub async fn reblogged_by(
        &self,
        viewer: Option<AccountId>,
        id: PostId,
        page: &Page,
    ) -> Result<Paged<Shared<Account>>, SocialError> {
        todo!()
    }
    /// A poll.
    ///
    /// # Errors
    /// Not found (or not for `viewer`), or the store failed.
    pub async fn poll(&self, viewer: Option<AccountId>, id: PollId) -> Result<Poll, SocialError> {
        todo!()
    }
    /// A report as its maker sees it.
    ///
    /// # Errors
    /// Not found (or not `viewer`'s), or the store failed.
    pub async fn report(&self, viewer: AccountId, id: i64) -> Result<Report, SocialError> {
        todo!()
    }
}
