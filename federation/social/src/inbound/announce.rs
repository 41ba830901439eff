//! Announce: somebody passes a post on.

use activitypub::vocabulary::Visibility as Claimed;

use super::apply::{Applying, Outcome};
use super::incoming::Incoming;
use crate::store::inbound_relations;
use crate::write::posts::{self, StoredPost, remote_id};
use crate::{SocialError, Visibility};

/// A boost is kept where somebody here follows the booster, or where it is of a post of ours. Only
/// what everyone may see, or one's own, can be passed on. A post that a group says was changed or
/// deleted has been read again from its own id by now, as far as somebody here follows the group.
pub(super) async fn apply(
    applying: &mut Applying<'_>,
    activity: &Incoming,
) -> Result<Outcome, SocialError> {
    let known = &applying.known;
    let Some(booster) = known.active_account(&activity.actor) else {
        return Ok(Outcome::Ignored("its actor is not known"));
    };
    if activity.changed_in_group().is_some() {
        return Ok(match known.is_followed_here(booster) {
            true => Outcome::Applied,
            false => Outcome::Ignored("nobody here follows the group"),
        });
    }
    let Some(post) = activity.boosted().and_then(|id| known.post(&id)) else {
        return Ok(Outcome::Ignored("its post is not known"));
    };
    if known.is_buried(&activity.id, &activity.actor) {
        return Ok(Outcome::Ignored("it was undone before"));
    }
    if !known.is_followed_here(booster) && !post.local {
        return Ok(Outcome::Ignored("nobody here follows the booster"));
    }
    let for_everyone = post.is_for_everyone();
    let own = post.author_id == booster.id && post.visibility == Visibility::Private as i16;
    if post.boost_of_id.is_some() || !(for_everyone || own) {
        return Ok(Outcome::Ignored("its post is not for everyone"));
    }
    let (post_id, author, author_is_local) = (post.id, post.author_id, post.author_is_local);
    let followers = booster.followers_url.as_deref().and_then(activitypub::vocabulary::parse_url);
    let visibility = match Claimed::of(&activity.to, &activity.cc, followers.as_ref()) {
        Claimed::Public if for_everyone => Visibility::Public,
        Claimed::Unlisted if for_everyone => Visibility::Unlisted,
        // Some servers address boosts to nobody but the author.
        _ => Visibility::Private,
    };
    let booster = booster.id;
    if author_is_local
        && inbound_relations::is_turned_away(applying.tx.conn(), author, booster).await?
    {
        return Ok(Outcome::Ignored("the post's author blocks its actor"));
    }
    let published = activity.published.unwrap_or(applying.now).min(applying.now);
    let mut boost = StoredPost::new(
        remote_id(published, applying.now),
        activity.id.as_str(),
        booster,
        visibility,
        published,
    );
    boost.kind = "Announce".to_owned();
    boost.boost_of = Some(post_id);
    boost.cause = activity.cause.clone();
    let inserted = posts::insert(applying.social, applying.tx, &[boost]).await?;
    match inserted.first().map(|inserted| inserted.outcome) {
        Some(posts::Outcome::New) => {
            applying.stored(activity.id.as_str().to_owned());
            Ok(Outcome::Applied)
        }
        _ => Ok(Outcome::Ignored("the boost is known, or its booster takes no part")),
    }
}
