//! Delete: somebody removes a post, or himself.

use super::apply::{Applying, Outcome};
use super::incoming::Incoming;
use crate::SocialError;
use crate::store::inbound_activities;
use crate::write::accounts;
use crate::write::posts::{self, DeletedPost};

/// Only the author can delete a post, only the actor itself. What never came is remembered as
/// deleted, so that a Create that was overtaken does not bring it back.
pub(super) async fn apply(
    applying: &mut Applying<'_>,
    activity: &Incoming,
) -> Result<Outcome, SocialError> {
    let Some(actor) = applying.known.active_account(&activity.actor).map(|actor| actor.id) else {
        return Ok(Outcome::Ignored("its actor is not known"));
    };
    let Some(object) = activity.object.id() else {
        return Ok(Outcome::Ignored("it names nothing"));
    };
    if object == activity.actor {
        accounts::delete(applying.social, applying.tx, actor).await?;
        applying.known.refresh(applying.tx.conn(), vec![object.into()]).await?;
        return Ok(Outcome::Applied);
    }
    if !activity.may_speak_for(&object) {
        return Ok(Outcome::Ignored("its object is of another host"));
    }
    match applying.known.post(&object) {
        Some(post) if post.author_id == actor => {
            let post = DeletedPost { post: post.id, cause: activity.cause.clone() };
            posts::delete(applying.social, applying.tx, &[post]).await?;
        }
        Some(_) => return Ok(Outcome::Ignored("its object is another's")),
        None => {
            inbound_activities::bury(
                applying.tx.conn(),
                object.as_str(),
                activity.actor.as_str(),
                applying.now,
            )
            .await?;
        }
    }
    applying.known.bury(&object, &activity.actor);
    Ok(Outcome::Applied)
}
