//! What must be read from elsewhere before an activity can be applied.

use activitypub::vocabulary::ActivityKind;
use serde_json::Value;
use url::Url;

use super::incoming::Incoming;
use crate::remote::hosts::BlockList;
use crate::remote::known::Known;

/// Something to read from its own id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// A post that we do not have, for context.
    Post(Url),
    /// A post that the activity publishes and does not show, or shows as another's.
    NewPost(Url),
    /// A post that we have and that is said to have changed.
    ChangedPost(Url),
    /// An actor that is said to have changed, or whose word counts only when it is fresh.
    FreshActor(Url),
}

/// The needs of an activity; none where it can be applied with what is known. Nothing of a blocked
/// host is ever needed.
pub(super) fn needs(activity: &Incoming, known: &Known, blocked: &BlockList) -> Vec<Need> {
    let Some(object) = activity.object.id() else { return Vec::new() };
    let need = match activity.kind {
        ActivityKind::Create if activity.own_object().is_none() => {
            let wanted = known.post(&object).is_none() && is_wanted_create(activity, known);
            wanted.then(|| Need::NewPost(object.clone()))
        }
        ActivityKind::Update if object == activity.actor => {
            renames(activity, known).then(|| Need::FreshActor(object.clone()))
        }
        // Nobody has us read another host again and again.
        ActivityKind::Update if activity.own_object().is_none() => {
            let ours = known.post(&object).is_some() && activity.may_speak_for(&object);
            ours.then(|| Need::ChangedPost(object.clone()))
        }
        ActivityKind::Announce if is_wanted_announce(activity, known) => {
            match activity.changed_in_group() {
                Some(id) => is_rereadable(&id, known).then_some(Need::ChangedPost(id)),
                None => activity.boosted().filter(|id| known.post(id).is_none()).map(Need::Post),
            }
        }
        ActivityKind::Add
            if known.account(&activity.actor).is_some_and(|a| a.featured_url.is_some()) =>
        {
            (known.post(&object).is_none() && activity.may_speak_for(&object))
                .then(|| Need::Post(object.clone()))
        }
        ActivityKind::Move => {
            activity.target.as_ref().and_then(|target| target.id()).map(Need::FreshActor)
        }
        _ => None,
    };
    need.into_iter().filter(|need| !blocked.blocks(need.address())).collect()
}

/// Whether an actor's update must be read from its own id: it does not come along, or brings another
/// user name, which only WebFinger can confirm.
fn renames(activity: &Incoming, known: &Known) -> bool {
    let name = activity.object.embedded().and_then(|actor| actor.get("preferredUsername"));
    let known = known.account(&activity.actor).map(|account| account.username.as_str());
    name.and_then(Value::as_str) != known
}

/// A post that must be read interests us when somebody here follows whoever tells of it, or when it
/// is addressed to one of ours.
fn is_wanted_create(activity: &Incoming, known: &Known) -> bool {
    known.account(&activity.actor).is_some_and(|actor| known.is_followed_here(actor))
        || activity.to.iter().chain(&activity.cc).any(|id| known.local_account(id).is_some())
}

/// A boost interests us when somebody here follows the booster; what is boosted is then read for
/// them. Boosts of our own posts need nothing. The same goes for a group that passes on what was
/// changed in it.
fn is_wanted_announce(activity: &Incoming, known: &Known) -> bool {
    known.account(&activity.actor).is_some_and(|actor| known.is_followed_here(actor))
        && !known.is_buried(&activity.id, &activity.actor)
}

/// Whether we have it of another server, and it is more than a boost.
fn is_rereadable(id: &Url, known: &Known) -> bool {
    known.post(id).is_some_and(|post| !post.local && post.boost_of_id.is_none())
}

impl Need {
    /// Where it is read.
    pub(super) fn address(&self) -> &Url {
        match self {
            Self::Post(url)
            | Self::NewPost(url)
            | Self::ChangedPost(url)
            | Self::FreshActor(url) => url,
        }
    }
}
