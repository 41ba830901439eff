//! Which post a command is about, if its actor may see it.

use crate::store::write_commands::{self as store, PostRow};
use crate::visibility::Standing;
use crate::{AccountId, PostId, Social, SocialError, Visibility};

impl PostRow {
    /// Who it is for; the narrowest where the number means nothing.
    pub(super) fn audience(&self) -> Visibility {
        Visibility::from_number(self.visibility).unwrap_or(Visibility::Direct)
    }

    pub(super) fn post(&self) -> PostId {
        PostId::from_number(self.id)
    }

    pub(super) fn author(&self) -> AccountId {
        AccountId::from_number(self.author_id)
    }

    fn is_visible(&self) -> bool {
        self.audience().admits(Standing {
            is_author: self.is_author,
            follows_author: self.follows_author,
            is_mentioned: self.is_mentioned,
            blocked_by_author: self.blocked_by_author,
            author_is_gone: self.author_is_gone,
        })
    }
}

impl Social {
    /// A post that the actor may see; of a boost, what it boosts.
    ///
    /// # Errors
    /// [`SocialError::NotFound`] where it does not exist or is not for the actor.
    pub(super) async fn visible_post(
        &self,
        actor: AccountId,
        post: PostId,
    ) -> Result<PostRow, SocialError> {
        let mut connection = self.spine().pool().acquire().await?;
        let mut row = store::post(&mut connection, post.number(), actor.number()).await?;
        if let Some(boosted) = row.as_ref().and_then(|row| row.boost_of_id) {
            row = store::post(&mut connection, boosted, actor.number()).await?;
        }
        row.filter(PostRow::is_visible).ok_or(SocialError::NotFound)
    }

    /// A post or boost of the actor's own.
    ///
    /// # Errors
    /// [`SocialError::NotFound`] where it does not exist or is another's.
    pub(super) async fn authored_post(
        &self,
        actor: AccountId,
        post: PostId,
    ) -> Result<PostRow, SocialError> {
        let mut connection = self.spine().pool().acquire().await?;
        store::post(&mut connection, post.number(), actor.number())
            .await?
            .filter(|row| row.is_author)
            .ok_or(SocialError::NotFound)
    }
}
