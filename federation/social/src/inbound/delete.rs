//! Delete: somebody removes a post, or himself.

use super::apply::{Applying, Outcome};
use super::incoming::Incoming;
use super::leftovers::DELETED;
use crate::SocialError;
use crate::write::accounts;
use crate::write::posts::{self, DeletedPost};

/// Only the author can delete a post, only the actor itself. What is not here, because it never came
/// or nobody wanted it, is remembered as deleted for some weeks, so that a Create that was overtaken
/// does not bring it back; what the ledger has of it becomes unreadable.
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
            applying.gone(&object);
            applying.known.bury(&object, &activity.actor);
        }
        Some(_) => return Ok(Outcome::Ignored("its object is another's")),
        None if applying.known.account(&object).is_some() => {
            return Ok(Outcome::Ignored("its object is another's"));
        }
        None => {
            applying.bury(&object, activity, DELETED);
            applying.erase(&object, activity);
        }
    }
    Ok(Outcome::Applied)
}
