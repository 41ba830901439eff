//! Following hashtags.

use crate::store::write_commands as store;
use crate::text::hashtags;
use crate::{AccountId, Social, SocialError};

impl Social {
    /// Follows a hashtag: public posts with it come into the home timeline.
    ///
    /// # Errors
    /// [`SocialError::Invalid`] where it is no hashtag, or the store failed.
    pub async fn follow_tag(&self, actor: AccountId, name: &str) -> Result<(), SocialError> {
        self.actor(actor).await?;
        let name = tag_name(name)?;
        let id = self.spine().snowflakes().next().0;
        let mut connection = self.spine().pool().acquire().await?;
        store::insert_followed_tag(&mut connection, id, actor.number(), &name).await?;
        Ok(())
    }

    /// Stops following a hashtag; of one that is not followed changes nothing.
    ///
    /// # Errors
    /// [`SocialError::Invalid`] where it is no hashtag, or the store failed.
    pub async fn unfollow_tag(&self, actor: AccountId, name: &str) -> Result<(), SocialError> {
        let name = tag_name(name)?;
        let mut connection = self.spine().pool().acquire().await?;
        store::delete_followed_tag(&mut connection, actor.number(), &name).await?;
        Ok(())
    }
}

/// The hashtag as it is stored.
fn tag_name(typed: &str) -> Result<String, SocialError> {
    let typed = format!("#{}", typed.trim().trim_start_matches('#'));
    let found = hashtags(&typed);
    match found.first() {
        Some(name) if name.chars().count() + 1 == typed.to_lowercase().chars().count() => {
            Ok(name.clone())
        }
        _ => Err(SocialError::Invalid("Name is not a valid hashtag".to_owned())),
    }
}
