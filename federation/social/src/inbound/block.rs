//! Block: somebody wants nothing of one of ours any more.

use super::apply::{Applying, Outcome};
use super::incoming::Incoming;
use crate::SocialError;
use crate::write::blocks::{self, NewBlock};

/// Follows between the two end; the blocker's posts are no longer shown to the blocked.
pub(super) async fn apply(
    applying: &mut Applying<'_>,
    activity: &Incoming,
) -> Result<Outcome, SocialError> {
    let known = &applying.known;
    let target = activity.object.id().and_then(|id| known.local_account(&id));
    let (Some(target), Some(blocker)) = (target, known.active_account(&activity.actor)) else {
        return Ok(Outcome::Ignored("it is about none of our accounts"));
    };
    if !activity.came_before && known.is_buried(&activity.id, &activity.actor) {
        return Ok(Outcome::Ignored("it was undone before"));
    }
    let block = NewBlock {
        account: blocker.id,
        target: target.id,
        uri: activity.id.as_str().to_owned(),
        cause: activity.cause.clone(),
    };
    blocks::block(applying.social, applying.tx, &[block]).await?;
    Ok(Outcome::Applied)
}
