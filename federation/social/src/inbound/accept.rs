//! Accept: a request of one of ours to follow was granted.

use super::apply::{Applying, Outcome};
use super::incoming::Incoming;
use crate::SocialError;
use crate::store::inbound_relations;
use crate::write::follows::{self, FollowPair};

/// Only whoever was asked can grant it.
pub(super) async fn apply(
    applying: &mut Applying<'_>,
    activity: &Incoming,
) -> Result<Outcome, SocialError> {
    let Some(pair) = answered_follow(applying, activity).await? else {
        return Ok(Outcome::Ignored("it answers no request of ours"));
    };
    let accepted = follows::accept(applying.social, applying.tx, &[pair]).await?;
    Ok(match accepted.first() {
        Some(true) => Outcome::Applied,
        _ => Outcome::Ignored("no request of ours waits for it"),
    })
}

/// The follow by one of ours of this activity's actor, which the activity answers: named by its id,
/// or, where a server forgot that, repeated whole.
pub(super) async fn answered_follow(
    applying: &mut Applying<'_>,
    activity: &Incoming,
) -> Result<Option<FollowPair>, SocialError> {
    let Some(asked) = applying.known.active_account(&activity.actor).map(|account| account.id)
    else {
        return Ok(None);
    };
    let pair = |follower| FollowPair { follower, target: asked, cause: activity.cause.clone() };
    if let Some(id) = activity.object.id()
        && let Some(follow) =
            inbound_relations::follow_by_uri(applying.tx.conn(), id.as_str()).await?
        && follow.to == asked
    {
        return Ok(Some(pair(follow.from)));
    }
    let Some(follow) = activity.object.embedded() else { return Ok(None) };
    let id_of = |key: &str| {
        let value = follow.get(key)?;
        let id = value.as_str().or_else(|| value.get("id")?.as_str())?;
        activitypub::vocabulary::parse_url(id)
    };
    let follower = id_of("actor").and_then(|id| Some(applying.known.local_account(&id)?.id));
    let names_asked = id_of("object").as_ref() == Some(&activity.actor);
    Ok(follower.filter(|_| names_asked).map(pair))
}
