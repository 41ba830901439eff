//! Bookmarks: a person's own business, told to nobody.

use crate::write::reactions::Private;
use crate::{AccountId, PostId, Social, SocialError};

impl Social {
    /// Bookmarks a post; again changes nothing.
    ///
    /// # Errors
    /// Not found (or not for the actor), or the store failed.
    pub async fn bookmark(&self, actor: AccountId, post: PostId) -> Result<(), SocialError> {
        self.relate_to_post(actor, post, Private::Bookmark).await
    }

    /// Removes a bookmark; where there is none changes nothing.
    ///
    /// # Errors
    /// Not found (or not for the actor), or the store failed.
    pub async fn unbookmark(&self, actor: AccountId, post: PostId) -> Result<(), SocialError> {
        self.relate_to_post(actor, post, Private::Unbookmark).await
    }
}
