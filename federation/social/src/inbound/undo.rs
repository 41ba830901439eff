//! Undo: somebody takes back a Follow, Like, Announce or Block.

use activitypub::vocabulary::{Activity, ActivityKind};
use url::Url;

use super::apply::{Applying, Outcome};
use super::incoming::Incoming;
use super::leftovers::UNDONE;
use crate::store::inbound_relations;
use crate::write::blocks;
use crate::write::follows::{self, End, FollowPair};
use crate::write::posts::{self, DeletedPost};
use crate::write::reactions;
use crate::{AccountId, SocialError};

/// What is undone is found by its id, or by what it was about where a server forgot the id. Only
/// whoever did it can undo it. What never came is remembered as undone, for some hours.
///
/// An Undo that comes again undoes only what has the very id that it names: else one that was sent
/// twice would undo, or keep away, what was done anew in between.
pub(super) async fn apply(
    applying: &mut Applying<'_>,
    activity: &Incoming,
) -> Result<Outcome, SocialError> {
    let Some(actor) = applying.known.active_account(&activity.actor).map(|actor| actor.id) else {
        return Ok(Outcome::Ignored("its actor is not known"));
    };
    // What comes along counts only as far as it names the same actor.
    let inner = activity.object.embedded().and_then(|inner| Activity::parse(inner.clone()).ok());
    if inner.as_ref().is_some_and(|inner| inner.actor != activity.actor) {
        return Ok(Outcome::Ignored("it undoes what another did"));
    }
    let id = activity.object.id().filter(|id| activity.may_speak_for(id));
    if let Some(id) = &id
        && undo_by_id(applying, activity, actor, id).await?
    {
        return Ok(Outcome::Applied);
    }
    if activity.came_before {
        return Ok(Outcome::Ignored("what it undoes was undone before"));
    }
    if let Some(inner) = &inner
        && undo_by_content(applying, activity, actor, inner).await?
    {
        return Ok(Outcome::Applied);
    }
    let Some(id) = id else { return Ok(Outcome::Ignored("nothing is known of what it undoes")) };
    applying.bury(&id, activity, UNDONE);
    Ok(Outcome::Applied)
}

async fn undo_by_id(
    applying: &mut Applying<'_>,
    activity: &Incoming,
    actor: AccountId,
    id: &Url,
) -> Result<bool, SocialError> {
    let cause = activity.cause.clone();
    if let Some(post) = applying.known.post(id) {
        if post.author_id != actor || post.boost_of_id.is_none() {
            return Ok(false);
        }
        let boost = DeletedPost { post: post.id, cause };
        posts::delete(applying.social, applying.tx, &[boost]).await?;
        applying.gone(id);
        return Ok(true);
    }
    let conn = applying.tx.conn();
    if let Some(follow) = inbound_relations::follow_by_uri(conn, id.as_str()).await?
        && follow.from == actor
    {
        let pair = FollowPair { follower: actor, target: follow.to, cause };
        follows::end(applying.tx, &[pair], End::Unfollowed).await?;
        return Ok(true);
    }
    if let Some(post) = inbound_relations::favourite_by_uri(conn, actor, id.as_str()).await? {
        reactions::unfavourite(applying.social, applying.tx, &[(actor, post, cause)]).await?;
        return Ok(true);
    }
    if let Some(block) = inbound_relations::block_by_uri(conn, actor, id.as_str()).await? {
        blocks::unblock(applying.tx, &[(actor, block.to, cause)]).await?;
        return Ok(true);
    }
    Ok(false)
}

async fn undo_by_content(
    applying: &mut Applying<'_>,
    activity: &Incoming,
    actor: AccountId,
    inner: &Activity,
) -> Result<bool, SocialError> {
    let cause = activity.cause.clone();
    let Some(object) = inner.object.id() else { return Ok(false) };
    let known = &applying.known;
    Ok(match inner.kind {
        ActivityKind::Follow => {
            let Some(target) = known.account(&object).map(|account| account.id) else {
                return Ok(false);
            };
            let pair = FollowPair { follower: actor, target, cause };
            !follows::end(applying.tx, &[pair], End::Unfollowed).await?.is_empty()
        }
        ActivityKind::Like => {
            let Some(post) = known.post(&object).map(|post| post.id) else { return Ok(false) };
            !reactions::unfavourite(applying.social, applying.tx, &[(actor, post, cause)])
                .await?
                .is_empty()
        }
        ActivityKind::Announce => {
            let Some(post) = known.post(&object).map(|post| post.id) else { return Ok(false) };
            let boost = inbound_relations::boost_of(applying.tx.conn(), actor, post).await?;
            let Some(boost) = boost else { return Ok(false) };
            let boost = DeletedPost { post: boost, cause };
            !posts::delete(applying.social, applying.tx, &[boost]).await?.is_empty()
        }
        ActivityKind::Block => {
            let Some(target) = known.account(&object).map(|account| account.id) else {
                return Ok(false);
            };
            !blocks::unblock(applying.tx, &[(actor, target, cause)]).await?.is_empty()
        }
        _ => false,
    })
}
