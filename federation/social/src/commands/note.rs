//! A person's private note on another.

use crate::store::write_relations as store;
use crate::{AccountId, Social, SocialError};

/// Longest note, in characters, as on Mastodon.
const LONGEST: usize = 2_000;

impl Social {
    /// Sets the actor's note on an account, for the actor's eyes only; an empty one removes it.
    ///
    /// # Errors
    /// Not found, [`SocialError::Invalid`] where it is too long, or the store failed.
    pub async fn set_note(
        &self,
        actor: AccountId,
        target: AccountId,
        comment: &str,
    ) -> Result<(), SocialError> {
        self.actor(actor).await?;
        self.target(actor, target).await?;
        if comment.chars().count() > LONGEST {
            return Err(SocialError::Invalid(format!(
                "Comment is too long (maximum is {LONGEST} characters)"
            )));
        }
        let mut connection = self.spine().pool().acquire().await?;
        let (actor, target) = (actor.number(), target.number());
        store::set_account_note(&mut connection, actor, target, comment).await?;
        Ok(())
    }
}
