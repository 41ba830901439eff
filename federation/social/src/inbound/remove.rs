//! Remove: somebody unpins a post from his page.

use super::add::pinned;
use super::apply::{Applying, Outcome};
use super::incoming::Incoming;
use crate::SocialError;
use crate::write::pins;

/// Only from the actor's own collection of pinned posts.
pub(super) async fn apply(
    applying: &mut Applying<'_>,
    activity: &Incoming,
) -> Result<Outcome, SocialError> {
    let Some((account, post)) = pinned(applying, activity) else {
        return Ok(Outcome::Ignored("it is about no pinned post"));
    };
    pins::unpin(applying.social, applying.tx, account, &[post]).await?;
    Ok(Outcome::Applied)
}
