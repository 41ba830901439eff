//! Verified activities on their way to disk: those that come at the same moment share a
//! transaction. Nothing is answered before it is on disk. What waits is bounded by its bytes, because
//! strangers choose how much they send: beyond that they are told to come again.

use std::collections::HashSet;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use moka::sync::Cache;
use spine::{Cause, GroupCommit, GroupWrite, JobOptions, Spine, is_away};

use super::Receipt;
use super::apply::{ApplyActivity, key};
use crate::SocialError;
use crate::events::ActivityReceived;
use crate::store::inbound_activities;

/// Keys of activities that were taken lately: a repeat of one of them costs no transaction.
const RECENT: u64 = 50_000;
/// How long such a key is remembered here; the database remembers longer.
const RECENT_LIFE: Duration = Duration::from_secs(3_600);

/// A verified activity.
pub(super) struct Arrival {
    pub(super) received: ActivityReceived,
    /// The local actor whose own inbox it came to.
    pub(super) delivered_to: Option<String>,
    /// See [`ApplyActivity::for_receiver`].
    pub(super) for_receiver: bool,
    /// See [`ApplyActivity::request`].
    pub(super) request: Option<String>,
}

impl Arrival {
    fn key(&self) -> String {
        let receiver = self.delivered_to.as_deref().filter(|_| self.for_receiver);
        key(&self.received.activity, receiver, self.request.as_deref())
    }
}

/// The way in.
pub(crate) struct Intake {
    group: OnceLock<GroupCommit<Arrivals>>,
    recent: Cache<String, ()>,
}

impl Intake {
    pub(crate) fn new() -> Self {
        Self {
            group: OnceLock::new(),
            recent: Cache::builder().max_capacity(RECENT).time_to_live(RECENT_LIFE).build(),
        }
    }

    /// Puts a verified activity on disk, with the job that applies it; returns after the commit.
    ///
    /// # Errors
    /// Too many wait, or the store failed: nothing was written.
    pub(super) async fn take(
        &self,
        spine: &Spine,
        arrival: Arrival,
    ) -> Result<Receipt, SocialError> {
        let key = arrival.key();
        if self.recent.contains_key(&key) {
            return Ok(Receipt::Duplicate);
        }
        let group = self.group.get_or_init(|| GroupCommit::start(Arrivals(spine.clone())));
        let receipt = group.submit(arrival).await?;
        self.recent.insert(key, ());
        Ok(receipt)
    }
}

struct Arrivals(Spine);

#[async_trait]
impl GroupWrite for Arrivals {
    type Item = Arrival;
    type Done = Receipt;
    type Error = SocialError;
    const MOST: usize = 256;

    fn weight(arrival: &Arrival) -> usize {
        arrival.received.body.len()
    }

    async fn write(&self, arrived: &[Self::Item]) -> Result<Vec<Receipt>, SocialError> {
        let mut tx = self.0.begin(Cause::system()).await?;
        let keys: Vec<String> = arrived.iter().map(Arrival::key).collect();
        let mut known: HashSet<String> =
            inbound_activities::applied(tx.conn(), &keys).await?.into_iter().collect();
        let mut receipts = Vec::with_capacity(arrived.len());
        for (arrival, key) in arrived.iter().zip(keys) {
            if !known.insert(key) {
                receipts.push(Receipt::Duplicate);
                continue;
            }
            let Arrival { received, delivered_to, for_receiver, request } = arrival;
            tx.set_cause(Cause::by(received.actor.as_str()));
            let event = tx.record(received)?;
            // The body once more, for as long as it takes to write it down.
            let job = ApplyActivity {
                activity: received.activity.clone(),
                delivered_to: delivered_to.clone(),
                body: received.body.clone(),
                for_receiver: *for_receiver,
                request: request.clone(),
            };
            let options = JobOptions::because_of(event).about(received.about.as_str());
            tx.schedule_item(&job, options)?;
            receipts.push(Receipt::Accepted);
        }
        tx.commit().await?;
        Ok(receipts)
    }

    fn is_unavailable(error: &SocialError) -> bool {
        is_away(error)
    }
}
