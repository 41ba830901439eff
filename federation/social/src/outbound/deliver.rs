//! Taking one activity to one inbox, for as long as it takes, up to three days.

use std::time::Duration;

use activitypub::deliver::{DeliveryOutcome, deliver};
use activitypub::fetch::FormMemory;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use spine::{Concurrency, Job, JobError, JobRun, Lane, Tx};
use url::{Position, Url};

use super::hosts::Admission;
use crate::remote::refresh;
use crate::store::write_outbound as store;
use crate::{AccountId, Social, SocialError};

/// Actors of a gone inbox that are read again at a time; the next delivery there finds the others.
const MOST_READ_AGAIN: i64 = 200;
/// A document read so lately says what there is to know about whoever uses a gone inbox.
const READ_BEFORE: chrono::Duration = chrono::Duration::hours(1);
/// Deliveries to one host at a time.
const PER_HOST: u16 = 8;
/// Attempts: with [`backoff`] they spread over some three days, as Mastodon's do.
const ATTEMPTS: u16 = 17;
/// Waiting for a breaker is no attempt; this ends it.
const LONGEST: chrono::Duration = chrono::Duration::hours(84);
/// Whoever asks for a wait gets at least this one: some servers say `Retry-After: 0`.
const LEAST_WAIT: Duration = Duration::from_secs(30);

/// One delivery.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delivery {
    /// Which kept activity.
    pub(super) activity: i64,
    /// Which local account signs.
    pub(super) sender: AccountId,
    /// Where it goes.
    pub(super) inbox: Url,
    /// When it was scheduled.
    pub(super) since: DateTime<Utc>,
}

/// A job that makes one delivery; they differ in their lane alone.
macro_rules! delivery_job {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $lane:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub(super) Delivery);

        #[async_trait]
        impl Job for $name {
            type Context = Social;
            const KIND: &'static str = $kind;
            const LANE: Lane = $lane;
            const MAX_ATTEMPTS: u16 = ATTEMPTS;
            const TIMEOUT: Duration = Duration::from_secs(120);

            fn concurrency(&self) -> Option<Concurrency> {
                Some(self.0.concurrency())
            }

            fn backoff(attempt: u16) -> Duration {
                backoff(attempt)
            }

            async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
                self.0.run(social, run).await
            }
        }
    };
}

delivery_job!(
    /// Delivers an activity to an inbox when there is time.
    Deliver,
    "social.deliver",
    Lane::Background
);
delivery_job!(
    /// Delivers an activity that somebody waits for.
    DeliverSoon,
    "social.deliver_soon",
    Lane::Interactive
);

/// n⁴ + 15 seconds, as Mastodon waits: 16 s, 31 s, 96 s, …, 18 h.
fn backoff(attempt: u16) -> Duration {
    Duration::from_secs(u64::from(attempt.min(ATTEMPTS)).pow(4) + 15)
}

impl Delivery {
    /// Host and, where it is not the scheme's own, port.
    fn host(&self) -> &str {
        &self.inbox[Position::BeforeHost..Position::AfterPort]
    }

    fn concurrency(&self) -> Concurrency {
        Concurrency { key: format!("host:{}", self.host()), limit: PER_HOST }
    }

    /// Tries once. A host that stays away is no fault of ours: what cannot be delivered ends there,
    /// with a line in the log, and is no dead letter for anybody to look after.
    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        let spine = social.spine();
        let now = spine.clock().now();
        let host = self.host();
        if now - self.since > LONGEST {
            tracing::info!(host, "a delivery ends: its host was away for too long");
            return Ok(());
        }
        if social.0.remote.blocked.load(spine.pool()).await?.blocks(&self.inbox) {
            tracing::info!(host, "a delivery ends: the node blocks its host by now");
            return Ok(());
        }
        let Some(body) = social.0.bodies.of(spine.worker_pool(), self.activity).await? else {
            // Deleted meanwhile: there is nothing to tell any more.
            return Ok(());
        };
        let Some(signer) = social.0.signing.of(spine, self.sender).await? else { return Ok(()) };
        match social.0.hosts.admit(spine, host).await? {
            Admission::Try => {}
            Admission::Wait(after) => {
                return Err(JobError::RetryAfter {
                    after,
                    reason: format!("{host} is left alone"),
                });
            }
            Admission::Never => {
                tracing::info!(host, "a delivery ends: its host was away for days");
                return Ok(());
            }
        }
        let forms = &social.0.remote.forms;
        let preferred = forms.preferred(host).await;
        let client = &social.0.client;
        let report = deliver(client, &signer.key, &self.inbox, body, preferred, now).await;
        if report.form != preferred {
            forms.remember(host, report.form).await;
        }
        match report.outcome {
            DeliveryOutcome::Delivered => social.0.hosts.answered(spine, host).await?,
            DeliveryOutcome::Refused { status, reason } => {
                // An answer, if no welcome one; without one, the address itself is unusable.
                if status.is_some() {
                    social.0.hosts.answered(spine, host).await?;
                }
                tracing::info!(host, reason, "a server refuses a delivery");
            }
            DeliveryOutcome::Gone => {
                social.0.hosts.answered(spine, host).await?;
                tracing::info!(host, inbox = %self.inbox, "an inbox is gone for good");
                let mut tx = run.begin().await?;
                self.look_after_those_gone(social, &mut tx).await?;
                tx.commit().await?;
            }
            DeliveryOutcome::Retry { status, after, reason } => {
                // Whoever says when to come back is alive, unless he says it while he is broken.
                if after.is_some() && status.is_some_and(|status| status.is_client_error()) {
                    social.0.hosts.answered(spine, host).await?;
                } else {
                    social.0.hosts.failed(spine, host).await?;
                }
                if run.attempt() >= ATTEMPTS {
                    tracing::info!(host, reason, "a delivery ends: it was tried often enough");
                    return Ok(());
                }
                return Err(again(after, reason));
            }
        }
        Ok(())
    }

    /// Has the actors of an inbox that is gone read again: those that their host calls gone are
    /// deleted then, and nothing is sent to their inbox any more.
    async fn look_after_those_gone(&self, social: &Social, tx: &mut Tx) -> Result<(), SocialError> {
        let (inbox, sender) = (self.inbox.as_str(), self.sender.number());
        let actors = store::actors_at(tx.conn(), inbox, sender, MOST_READ_AGAIN).await?;
        let since = social.spine().clock().now() - READ_BEFORE;
        refresh::schedule_all(social, tx, actors, since)
    }
}

/// The next attempt: when the server asks for it, but no sooner than without its word.
fn again(after: Option<Duration>, reason: String) -> JobError {
    match after {
        Some(after) => JobError::RetryNotBefore { after: after.max(LEAST_WAIT), reason },
        None => JobError::retry(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_spread_over_some_three_days() {
        let total: Duration = (1..ATTEMPTS).map(backoff).sum();
        let hours = total.as_secs() / 3_600;
        assert!((60..84).contains(&hours), "{hours} h");
    }
}
