//! What activities leave behind that nothing else would ever remove: their bodies in the ledger,
//! where nothing was stored of them, and the memory of what was deleted before it came.

use std::collections::{BTreeMap, HashSet};

use activitypub::vocabulary::ActivityKind;
use chrono::{DateTime, Duration, Utc};
use spine::{Cause, Spine, Tx};
use url::Url;

use super::apply::Outcome;
use super::envelope::sealed_under;
use super::incoming::Incoming;
use crate::SocialError;
use crate::remote::hosts::domain_of;
use crate::remote::known::Known;
use crate::store::inbound_tombstones::{self as store, Burial};

/// How long a Create that was overtaken by its Delete is waited for: servers try for days.
pub(super) const DELETED: Duration = Duration::days(30);
/// How long what was overtaken by its Undo is waited for, as in Mastodon: whoever undoes again and
/// again leaves a row each time.
pub(super) const UNDONE: Duration = Duration::hours(6);
/// How much is remembered for one host; the oldest goes first.
const MOST_OF_A_HOST: i64 = 10_000;

/// Collected while activities are applied, written once for all of them.
#[derive(Default)]
pub(super) struct Leftovers {
    /// Posts that this transaction stored and that are still there.
    stored: HashSet<String>,
    /// Subjects whose bodies are erased, and why.
    bodies: BTreeMap<String, Cause>,
    /// What was deleted or undone before it came.
    burials: Vec<Burial>,
}

impl Leftovers {
    /// Notes that a post is stored now.
    pub(super) fn stored(&mut self, uri: &str) {
        self.stored.insert(uri.to_owned());
    }

    /// Notes that a post is gone.
    pub(super) fn gone(&mut self, uri: &str) {
        self.stored.remove(uri);
    }

    /// Notes that an actor deleted or undid something that is not here: what was received of it so
    /// far goes, and it is remembered for a while, so that it does not come late.
    pub(super) fn bury(&mut self, id: &Url, activity: &Incoming, until: DateTime<Utc>) {
        self.burials.push(Burial {
            uri: id.as_str().to_owned(),
            actor_uri: activity.actor.as_str().to_owned(),
            host: domain_of(&activity.actor).unwrap_or_default(),
            expires_at: until,
        });
    }

    /// Notes that what was received about this is to be erased.
    pub(super) fn erase(&mut self, subject: &Url, cause: &Cause) {
        self.bodies.entry(subject.as_str().to_owned()).or_insert_with(|| cause.clone());
    }

    /// Looks at what became of an activity, whoever applied it: its body goes where there is
    /// nothing with which it would go later.
    pub(super) fn settle(
        &mut self,
        activity: &Incoming,
        outcome: Outcome,
        known: &Known,
        here: &Url,
    ) {
        if activity.kind == ActivityKind::Delete && outcome == Outcome::Applied {
            // It erased what it is about, its own body with it.
            return;
        }
        let subject = sealed_under(activity, here);
        let stays = match known.account(&subject) {
            // It goes with the account, unless that is gone already.
            Some(account) => !account.deleted,
            None => known.post(&subject).is_some() || self.stored.contains(subject.as_str()),
        };
        if !stays {
            self.erase(&subject, &activity.cause);
        }
    }

    /// Writes it, in a number of statements that does not depend on how much it is; none where
    /// everything was kept.
    pub(super) async fn write(self, tx: &mut Tx, now: DateTime<Utc>) -> Result<(), SocialError> {
        // An activity may have been ignored before another one of the batch brought its post.
        let bodies: Vec<(String, Cause)> =
            self.bodies.into_iter().filter(|(uri, _)| !self.stored.contains(uri)).collect();
        Spine::erase_all(tx, &bodies).await?;
        if !self.burials.is_empty() {
            store::bury(tx.conn(), &self.burials, now).await?;
            store::trim(tx.conn(), &self.burials, MOST_OF_A_HOST).await?;
        }
        Ok(())
    }
}
