//! Follow: somebody wants to see what one of ours publishes.

use super::apply::{Applying, Outcome};
use super::incoming::Incoming;
use crate::SocialError;
use crate::outbound;
use crate::store::inbound_relations;
use crate::write::follows::{self, NewFollow};

/// A follow counts at once, unless its target answers requests by hand. The answer goes out with it;
/// a follow that counted before is answered again, because the first answer may have been lost.
///
/// An Undo that came first keeps away the Follow that it overtook, which comes once; whatever comes
/// under the same id after that was meant anew.
pub(super) async fn apply(
    applying: &mut Applying<'_>,
    activity: &Incoming,
) -> Result<Outcome, SocialError> {
    let known = &applying.known;
    let target = activity.object.id().and_then(|id| known.local_account(&id));
    let (Some(target), Some(follower)) = (target, known.active_account(&activity.actor)) else {
        return Ok(Outcome::Ignored("it is for none of our accounts"));
    };
    if !activity.came_before && known.is_buried(&activity.id, &activity.actor) {
        return Ok(Outcome::Ignored("it was undone before"));
    }
    let (follower, target, locked) = (follower.id, target.id, target.locked);
    if inbound_relations::is_turned_away(applying.tx.conn(), target, follower).await? {
        let (social, uri) = (applying.social, activity.id.as_str());
        outbound::refuse_follow(social, applying.tx, target, follower, uri)?;
        return Ok(Outcome::Ignored("its target blocks its actor"));
    }
    let follow = NewFollow {
        cause: activity.cause.clone(),
        ..NewFollow::new(follower, target, activity.id.as_str().to_owned(), !locked)
    };
    follows::request(applying.social, applying.tx, &[follow]).await?;
    Ok(Outcome::Applied)
}
