//! Update: somebody changed a post or his profile.

use activitypub::vocabulary::{Actor, Post};
use spine::Tx;

use super::apply::{Applying, Outcome};
use super::create;
use super::incoming::Incoming;
use crate::remote::actor;
use crate::remote::post::{Reading, edited};
use crate::write::posts::{self, Distribution, EditedPost};
use crate::write::votes;
use crate::{Social, SocialError};

/// Only the owner can change something. What came as another's, or only by its id, was read from
/// there.
pub(super) async fn apply(
    applying: &mut Applying<'_>,
    activity: &Incoming,
) -> Result<Outcome, SocialError> {
    if activity.object.id().as_ref() == Some(&activity.actor) {
        return profile(applying, activity).await;
    }
    let Some(object) = activity.own_object() else {
        return Ok(Outcome::Ignored("its object counts as read from its own id"));
    };
    let Ok(post) = Post::parse_within(object, activity) else {
        return Ok(Outcome::Ignored("its object is of a type that is not kept"));
    };
    let known = &applying.known;
    let Some(author) = known.active_account(&activity.actor) else {
        return Ok(Outcome::Ignored("its actor is not known"));
    };
    let Some(stored) = known.post(&post.id) else {
        // The Create was lost, or is on its way.
        return Ok(create::apply_posts(applying, &[activity]).await?.remove(0));
    };
    if stored.author_id != author.id {
        return Ok(Outcome::Ignored("its object is another's"));
    }
    let reading = Reading {
        known,
        blocked: &applying.blocked,
        snowflakes: applying.social.0.spine.snowflakes(),
        now: applying.now,
        distribution: Distribution::Nobody,
        delivered_to: None,
        cause: activity.cause.clone(),
    };
    let change = edited(stored, reading.read(&post, author).stored, &post, applying.now);
    store_edit(applying.social, applying.tx, &change).await?;
    Ok(Outcome::Applied)
}

/// Stores a new version; of one that is no newer only the counts of its poll, which change without
/// an edit.
pub(crate) async fn store_edit(
    social: &Social,
    tx: &mut Tx,
    change: &EditedPost,
) -> Result<(), SocialError> {
    let counts = change.poll.as_ref().map(|poll| {
        let votes: Vec<i64> = poll.options.iter().map(|option| option.votes_count).collect();
        (votes, poll.voters_count)
    });
    if !posts::edit(social, tx, change).await?
        && let Some((votes, voters)) = counts
    {
        votes::set_totals(social, tx, change.post, &votes, voters).await?;
    }
    Ok(())
}

/// The actor's own document, as it signed it. Its handle stays the one that was confirmed: another
/// one is a need, and was read before.
async fn profile(applying: &mut Applying<'_>, activity: &Incoming) -> Result<Outcome, SocialError> {
    let Some(document) = activity.object.embedded() else { return Ok(Outcome::Applied) };
    let Ok(document) = Actor::parse(document) else {
        return Ok(Outcome::Ignored("its actor cannot be read"));
    };
    let Some(known) = applying.known.active_account(&activity.actor) else {
        return Ok(Outcome::Ignored("its actor is not known"));
    };
    let (Some(domain), false) =
        (known.domain.clone(), document.preferred_username != known.username)
    else {
        return Ok(Outcome::Applied);
    };
    let cause = activity.cause.clone();
    let account =
        actor::read(&document, document.preferred_username.clone(), domain, applying.now, cause);
    actor::store(applying.social, applying.tx, account).await?;
    applying.known.refresh(applying.tx.conn(), vec![activity.actor.as_str().to_owned()]).await?;
    Ok(Outcome::Applied)
}
