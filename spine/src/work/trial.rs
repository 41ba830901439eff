//! The trial: jobs that may have killed their workers run again, one at a time a process.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::claim::block_crowded;
use super::finish::Finished;
use super::leases::Leases;
use super::losses::claim_suspect;
use super::perform::Assignment;
use super::unit::Unit;
use super::worker::{Registry, give_back};
use crate::Spine;

/// Tries the suspects of a process, beside its workers: a suspect waits for no worker, and no worker
/// for it.
pub(crate) struct Trial {
    pub(crate) spine: Spine,
    pub(crate) pool: PgPool,
    pub(crate) registry: Registry,
    pub(crate) leases: Arc<Leases>,
    pub(crate) finished: mpsc::Sender<Vec<Finished>>,
    /// Told when there are new suspects.
    pub(crate) suspects: Arc<Notify>,
    /// How often to look for those of other processes.
    pub(crate) poll: Duration,
    /// Ends a run that is still going when the time to stop is over.
    pub(crate) abort: CancellationToken,
}

impl Trial {
    /// Tries one after the other until stopped. None is claimed before the one before has ended, so
    /// that a process that dies loses one suspect.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let kinds: Vec<&str> = self.registry.keys().copied().collect();
        while !stop.is_cancelled() {
            let tried = match self.try_next(&kinds).await {
                Ok(tried) => tried,
                Err(error) => {
                    tracing::warn!(%error, "suspected jobs could not be looked for");
                    false
                }
            };
            if tried {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.suspects.notified() => {}
                () = tokio::time::sleep(self.poll) => {}
            }
        }
    }

    /// Whether there was one.
    async fn try_next(&self, kinds: &[&str]) -> sqlx::Result<bool> {
        let now = self.spine.clock().now();
        let Some(row) = claim_suspect(&self.pool, now, kinds).await? else { return Ok(false) };
        let claim = (row.id, row.claim);
        let mut rows = vec![row];
        if let Err(error) = block_crowded(&self.pool, &mut rows).await {
            give_back(&self.pool, &[claim], now).await;
            return Err(error);
        }
        // Where its key has no room it waits with the others of its key, and comes back from there.
        let Some(row) = rows.pop() else { return Ok(true) };
        let Some(performer) = self.registry.get(row.kind.as_str()).map(Arc::clone) else {
            give_back(&self.pool, &[claim], now).await;
            return Ok(false);
        };
        tracing::info!(
            job.id = %row.id, job.kind = row.kind,
            "a job that lost its worker twice runs on trial"
        );
        self.leases.hold(std::iter::once((row.id, row.claim, row.lease)), now);
        let unit = Unit::of(performer, Assignment::from(row));
        let outcomes = unit.perform(&self.spine, &self.leases, &self.abort).await;
        if self.finished.send(outcomes).await.is_err() {
            tracing::error!("an outcome came after the end");
        }
        Ok(true)
    }
}
