//! Reject: a follow of one of ours was refused, or ended by whom he followed.

use super::accept::answered_follow;
use super::apply::{Applying, Outcome};
use super::incoming::Incoming;
use crate::SocialError;
use crate::write::follows::{self, End};

/// Only whoever is followed can refuse it.
pub(super) async fn apply(
    applying: &mut Applying<'_>,
    activity: &Incoming,
) -> Result<Outcome, SocialError> {
    let Some(pair) = answered_follow(applying, activity).await? else {
        return Ok(Outcome::Ignored("it answers no follow of ours"));
    };
    let ended = follows::end(applying.tx, &[pair], End::Rejected).await?;
    Ok(match ended.is_empty() {
        false => Outcome::Applied,
        true => Outcome::Ignored("there is no such follow"),
    })
}
