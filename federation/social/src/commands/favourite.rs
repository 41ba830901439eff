//! Favourites.

use super::transaction::transaction;
use crate::write::reactions::{self, NewFavourite};
use crate::{AccountId, PostId, Social, SocialError, outbound};

impl Social {
    /// Favourites a post; again changes nothing.
    ///
    /// # Errors
    /// Not found (or not for the actor), or the store failed.
    pub async fn favourite(&self, actor: AccountId, post: PostId) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        let post = self.visible_post(actor, post).await?;
        let uri = format!("{}#likes/{}", me.uri, self.spine().snowflakes().next());
        transaction!(self, &me.uri, tx => {
            let favourite = NewFavourite {
                account: actor,
                post: post.post(),
                uri: uri.clone(),
                cause: tx.cause().clone(),
            };
            let is_new = reactions::favourite(self, tx, &[favourite]).await?;
            if is_new.contains(&true) && !post.author_is_local {
                outbound::like(self, tx, &me, &post, &uri).await?;
            }
            Ok(())
        });
        Ok(())
    }

    /// Takes a favourite back; of what is none changes nothing.
    ///
    /// # Errors
    /// Not found (or not for the actor), or the store failed.
    pub async fn unfavourite(&self, actor: AccountId, post: PostId) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        let post = self.visible_post(actor, post).await?;
        transaction!(self, &me.uri, tx => {
            let one = (actor, post.post(), tx.cause().clone());
            for like in reactions::unfavourite(self, tx, &[one]).await? {
                if !post.author_is_local {
                    outbound::undo_like(self, tx, &me, &post, &like).await?;
                }
            }
            Ok(())
        });
        Ok(())
    }
}
