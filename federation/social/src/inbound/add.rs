//! Add: somebody pins a post to his page.

use super::apply::{Applying, Outcome};
use super::incoming::Incoming;
use crate::write::pins;
use crate::{AccountId, PostId, SocialError};

/// Only into the actor's own collection of pinned posts, and only his own posts.
pub(super) async fn apply(
    applying: &mut Applying<'_>,
    activity: &Incoming,
) -> Result<Outcome, SocialError> {
    let Some((account, post)) = pinned(applying, activity) else {
        return Ok(Outcome::Ignored("it is about no pinned post"));
    };
    pins::pin(applying.social, applying.tx, account, &[post]).await?;
    Ok(Outcome::Applied)
}

/// Whose pinned post an Add or Remove is about.
pub(super) fn pinned(applying: &Applying<'_>, activity: &Incoming) -> Option<(AccountId, PostId)> {
    let known = &applying.known;
    let actor = known.active_account(&activity.actor)?;
    let target = activity.target.as_ref()?.id()?;
    let post = activity.object.id().and_then(|id| known.post(&id))?;
    let own = actor.featured_url.as_deref() == Some(target.as_str()) && post.author_id == actor.id;
    own.then_some((actor.id, post.id))
}
