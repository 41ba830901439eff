//! Verified activities on their way to disk: those that come at the same moment share a
//! transaction. Nothing is answered before it is on disk.

use std::collections::HashSet;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use moka::sync::Cache;
use spine::{Cause, GroupCommit, GroupWrite, JobOptions, Spine};

use super::Receipt;
use super::apply::ApplyActivity;
use crate::SocialError;
use crate::events::ActivityReceived;
use crate::store::inbound_activities;

/// Ids of activities that were taken lately: a repeat of one of them costs no transaction.
const RECENT: u64 = 50_000;
/// How long such an id is remembered here; the database remembers longer.
const RECENT_LIFE: Duration = Duration::from_secs(3_600);

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
        received: ActivityReceived,
        job: ApplyActivity,
    ) -> Result<Receipt, SocialError> {
        let key = job.key();
        if self.recent.contains_key(&key) {
            return Ok(Receipt::Duplicate);
        }
        let group = self.group.get_or_init(|| GroupCommit::start(Arrivals(spine.clone())));
        let receipt = group.submit((received, job)).await?;
        self.recent.insert(key, ());
        Ok(receipt)
    }
}

struct Arrivals(Spine);

#[async_trait]
impl GroupWrite for Arrivals {
    type Item = (ActivityReceived, ApplyActivity);
    type Done = Receipt;
    type Error = SocialError;
    const MOST: usize = 256;

    async fn write(&self, arrived: &[Self::Item]) -> Result<Vec<Receipt>, SocialError> {
        let mut tx = self.0.begin(Cause::system()).await?;
        let keys: Vec<String> = arrived.iter().map(|(_, job)| job.key()).collect();
        let mut known: HashSet<String> =
            inbound_activities::applied(tx.conn(), &keys).await?.into_iter().collect();
        let mut receipts = Vec::with_capacity(arrived.len());
        for ((received, job), key) in arrived.iter().zip(keys) {
            if !known.insert(key) {
                receipts.push(Receipt::Duplicate);
                continue;
            }
            tx.set_cause(Cause::by(received.actor.as_str()));
            let event = tx.record(received)?;
            tx.schedule_item(job, JobOptions::because_of(event))?;
            receipts.push(Receipt::Accepted);
        }
        tx.commit().await?;
        Ok(receipts)
    }

    fn is_unavailable(error: &SocialError) -> bool {
        error.is_unavailable()
    }
}
