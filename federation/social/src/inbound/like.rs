//! Like: somebody favourites a post. Emoji reactions count as favourites.

use super::apply::{Applying, Outcome};
use super::incoming::Incoming;
use super::welcome::may_react;
use crate::SocialError;
use crate::write::reactions::{self, NewFavourite};

/// Kept for every post that we have and that the actor can know of; the author is told where he is
/// ours.
pub(super) async fn apply(
    applying: &mut Applying<'_>,
    activity: &Incoming,
) -> Result<Outcome, SocialError> {
    let known = &applying.known;
    let Some(account) = known.active_account(&activity.actor) else {
        return Ok(Outcome::Ignored("its actor is not known"));
    };
    let Some(post) = activity.object.id().and_then(|id| known.post(&id)) else {
        return Ok(Outcome::Ignored("its post is not known"));
    };
    if !activity.came_before && known.is_buried(&activity.id, &activity.actor) {
        return Ok(Outcome::Ignored("it was undone before"));
    }
    if post.boost_of_id.is_some() {
        return Ok(Outcome::Ignored("a boost cannot be liked"));
    }
    if post.author_is_local && !may_react(applying.tx.conn(), post, account.id).await? {
        return Ok(Outcome::Ignored("the post is not for its actor"));
    }
    let favourite = NewFavourite {
        account: account.id,
        post: post.id,
        uri: activity.id.as_str().to_owned(),
        cause: activity.cause.clone(),
    };
    reactions::favourite(applying.social, applying.tx, &[favourite]).await?;
    Ok(Outcome::Applied)
}
