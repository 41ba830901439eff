//! Answering those who ask to follow.

use super::transaction::transaction;
use crate::write::follows::{self, End, FollowPair};
use crate::{AccountId, Social, SocialError};

impl Social {
    /// Lets somebody follow who asked; where nobody asked changes nothing.
    ///
    /// # Errors
    /// The store failed.
    pub async fn authorize_follow(
        &self,
        actor: AccountId,
        follower: AccountId,
    ) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        transaction!(self, &me.uri, tx => {
            let pair = FollowPair { follower, target: actor, cause: tx.cause().clone() };
            follows::accept(self, tx, &[pair]).await?;
            Ok(())
        });
        self.saw_relation(follower, actor);
        Ok(())
    }

    /// Refuses somebody who asked to follow; where nobody asked changes nothing.
    ///
    /// # Errors
    /// The store failed.
    pub async fn reject_follow(
        &self,
        actor: AccountId,
        follower: AccountId,
    ) -> Result<(), SocialError> {
        self.end_follow(actor, follower, actor, End::Rejected).await
    }
}
