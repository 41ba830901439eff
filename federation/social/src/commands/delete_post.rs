//! Deleting a post, or taking a boost back by its own id.

use super::transaction::transaction;
use crate::events::PostDeleted;
use crate::outbound;
use crate::write::posts::{self, DeletedPost};
use crate::{AccountId, PostId, Social, SocialError};

impl Social {
    /// Deletes a post of the actor's own, with everything that hangs on it; its uploads may be used
    /// again for a day. Whoever may have it elsewhere is told.
    ///
    /// # Errors
    /// Not found (or another's), or the store failed.
    pub async fn delete_post(&self, actor: AccountId, post: PostId) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        let row = self.authored_post(actor, post).await?;
        if let Some(boosted) = row.boost_of_id {
            return self.unboost(actor, PostId::from_number(boosted)).await;
        }
        transaction!(self, &me.uri, tx => {
            outbound::delete_post(self, tx, &me, &row).await?;
            let cause = tx.cause().clone();
            posts::delete(self, tx, &[DeletedPost { post, cause }]).await?;
            Ok(())
        });
        self.0.documents.forget_post(post);
        self.invalidate(&PostDeleted {
            post,
            uri: row.uri,
            author: actor,
            local: true,
            boost_of: None,
            in_reply_to: row.in_reply_to_id.map(PostId::from_number),
        });
        Ok(())
    }
}
