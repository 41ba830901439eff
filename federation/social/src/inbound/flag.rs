//! Flag: another server passes on a report about people or posts here.

use std::collections::BTreeMap;

use activitypub::vocabulary::Reference;

use super::apply::{Applying, Outcome};
use super::incoming::Incoming;
use crate::remote::limits::{self, cut};
use crate::write::reports::{self, NewReport};
use crate::{AccountId, PostId, SocialError};

/// One report for each of our accounts that it is about; moderators are told because of the event.
pub(super) async fn apply(
    applying: &mut Applying<'_>,
    activity: &Incoming,
) -> Result<Outcome, SocialError> {
    let known = &applying.known;
    let Some(reporter) = known.active_account(&activity.actor).map(|actor| actor.id) else {
        return Ok(Outcome::Ignored("its actor is not known"));
    };
    let mut about: BTreeMap<AccountId, Vec<PostId>> = BTreeMap::new();
    for id in activity.objects().filter_map(Reference::id).take(limits::REPORTED_POSTS) {
        if let Some(account) = known.local_account(&id) {
            about.entry(account.id).or_default();
        } else if let Some(post) = known.post(&id).filter(|post| post.author_is_local) {
            about.entry(post.author_id).or_default().push(post.id);
        }
    }
    if about.is_empty() {
        return Ok(Outcome::Ignored("it is about nobody here"));
    }
    let comment = cut(activity.content.as_deref().unwrap_or_default(), limits::REPORT_COMMENT);
    for (index, (target, posts)) in about.into_iter().enumerate() {
        let uri = match index {
            0 => activity.id.as_str().to_owned(),
            more => format!("{}#{more}", activity.id),
        };
        let report = NewReport {
            account: reporter,
            target,
            comment: comment.clone(),
            category: "other".to_owned(),
            posts,
            uri: Some(uri),
            forwarded: false,
        };
        reports::file(applying.social, applying.tx, &report).await?;
    }
    Ok(Outcome::Applied)
}
