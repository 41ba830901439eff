//! Like: somebody favourites a post. Emoji reactions count as favourites.

use super::apply::{Applying, Outcome};
use super::incoming::Incoming;
use crate::store::inbound_relations;
use crate::write::reactions::{self, NewFavourite};
use crate::{SocialError, Visibility};

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
    let (account, post_id, author) = (account.id, post.id, post.author_id);
    let (for_everyone, author_is_local) =
        (post.visibility <= Visibility::Unlisted as i16, post.author_is_local);
    if author_is_local {
        let conn = applying.tx.conn();
        let turned_away = inbound_relations::is_turned_away(conn, author, account).await?;
        if turned_away
            || !(for_everyone || inbound_relations::can_know(conn, post_id, account).await?)
        {
            return Ok(Outcome::Ignored("the post is not for its actor"));
        }
    }
    let favourite = NewFavourite {
        account,
        post: post_id,
        uri: activity.id.as_str().to_owned(),
        cause: activity.cause.clone(),
    };
    reactions::favourite(applying.social, applying.tx, &[favourite]).await?;
    Ok(Outcome::Applied)
}
