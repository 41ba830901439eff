//! Where activities go: the inboxes of their audiences.

use std::collections::BTreeSet;

use spine::Tx;
use url::Url;

use super::Audience;
use super::hosts::GIVEN_UP;
use crate::store::write_outbound as store;
use crate::{AccountId, Social, SocialError};

/// The inboxes of each of these audiences, shared ones where there are any. Nobody is among them who
/// is blocked by the domain of his handle, by the host of his id or by that of his inbox: people may
/// keep them in different places. Nor is anybody whose inbox's host stayed away for days.
///
/// # Errors
/// The store failed.
pub(super) async fn inboxes_of(
    social: &Social,
    tx: &mut Tx,
    audiences: &[&Audience],
) -> Result<Vec<BTreeSet<Url>>, SocialError> {
    let mut followed = Vec::with_capacity(audiences.len());
    let (mut numbers, mut people) = (Vec::new(), Vec::new());
    for (number, audience) in (1_i64..).zip(audiences) {
        followed.push(audience.followers_of.map(AccountId::number));
        for account in &audience.accounts {
            numbers.push(number);
            people.push(account.number());
        }
    }
    let blocked = social.0.remote.blocked.load(social.spine().pool()).await?;
    let mut inboxes = vec![BTreeSet::new(); audiences.len()];
    for inbox in store::inboxes(tx.conn(), &followed, &numbers, &people, GIVEN_UP).await? {
        if blocked.blocks_domain(&inbox.domain) || blocked.blocks_domain(&inbox.host) {
            continue;
        }
        let Ok(url) = Url::parse(&inbox.url) else {
            tracing::warn!(inbox = inbox.url, "an inbox is no URL: nothing is delivered there");
            continue;
        };
        let place = usize::try_from(inbox.audience - 1).ok();
        if let Some(found) = place.and_then(|place| inboxes.get_mut(place))
            && !blocked.blocks(&url)
        {
            found.insert(url);
        }
    }
    Ok(inboxes)
}
