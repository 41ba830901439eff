//! Muted conversations: no notifications about any of their posts.

use super::transaction::transaction;
use crate::write::reactions::{self, PostRow, Private};
use crate::{AccountId, PostId, Social, SocialError};

impl Social {
    /// Stops notifications about a post's conversation.
    ///
    /// # Errors
    /// Not found (or not for the actor), or the store failed.
    pub async fn mute_conversation(
        &self,
        actor: AccountId,
        post: PostId,
    ) -> Result<(), SocialError> {
        self.relate_to_post(actor, post, Private::Mute).await
    }

    /// Lets notifications about a post's conversation through again.
    ///
    /// # Errors
    /// Not found (or not for the actor), or the store failed.
    pub async fn unmute_conversation(
        &self,
        actor: AccountId,
        post: PostId,
    ) -> Result<(), SocialError> {
        self.relate_to_post(actor, post, Private::Unmute).await
    }

    /// Changes the actor's private relation to a post.
    pub(super) async fn relate_to_post(
        &self,
        actor: AccountId,
        post: PostId,
        how: Private,
    ) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        let post = self.visible_post(actor, post).await?;
        let post = PostRow { post: post.post(), uri: post.uri, conversation: post.conversation_id };
        transaction!(self, &me.uri, tx => {
            reactions::relate(self, tx, actor, &post, how).await?;
            Ok(())
        });
        Ok(())
    }
}
