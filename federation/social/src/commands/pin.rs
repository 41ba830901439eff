//! Pinned posts: what an account shows first on its page.

use super::transaction::transaction;
use crate::limits::PINNED_POSTS;
use crate::store::write_commands as store;
use crate::write::pins;
use crate::{AccountId, PostId, Social, SocialError, Visibility, outbound};

impl Social {
    /// Pins a post of the actor's own; again changes nothing.
    ///
    /// # Errors
    /// Not found (or another's), [`SocialError::Invalid`] for a boost, a direct post or one too
    /// many, or the store failed.
    pub async fn pin(&self, actor: AccountId, post: PostId) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        let row = self.authored_post(actor, post).await?;
        if row.boost_of_id.is_some() {
            return Err(SocialError::Invalid("A boost cannot be pinned".to_owned()));
        }
        if row.audience() == Visibility::Direct {
            return Err(SocialError::Invalid(
                "Posts that are only visible to mentioned users cannot be pinned".to_owned(),
            ));
        }
        let most = i64::try_from(PINNED_POSTS).unwrap_or(i64::MAX);
        transaction!(self, &me.uri, tx => {
            let new = pins::pin(self, tx, actor, &[post]).await?;
            if new.is_empty() {
                return Ok(());
            }
            if store::count_pins(tx.conn(), actor.number()).await? > most {
                return Err(SocialError::Invalid(
                    "You have already pinned the maximum number of posts".to_owned(),
                ));
            }
            if row.audience() <= Visibility::Unlisted {
                outbound::featured(self, tx, &me, &row, true).await?;
            }
            Ok(())
        });
        Ok(())
    }

    /// Unpins a post of the actor's own; of what is not pinned changes nothing.
    ///
    /// # Errors
    /// Not found (or another's), or the store failed.
    pub async fn unpin(&self, actor: AccountId, post: PostId) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        let row = self.authored_post(actor, post).await?;
        transaction!(self, &me.uri, tx => {
            let gone = pins::unpin(self, tx, actor, &[post]).await?;
            if !gone.is_empty() && row.audience() <= Visibility::Unlisted {
                outbound::featured(self, tx, &me, &row, false).await?;
            }
            Ok(())
        });
        Ok(())
    }
}
