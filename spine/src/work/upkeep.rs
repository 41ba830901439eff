//! What workers do beside work: heartbeats, deferred jobs, expired leases, blocked keys.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::alarm::Alarm;
use super::claim::{extend, next_due, ready_due, take_back_expired, unblock, unblock_all};
use super::leases::Leases;
use crate::Clock;
use crate::wake::{JobWake, Wakes};

/// How often leases are looked after.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How often expired leases and blocked keys are looked for.
const SWEEP: Duration = Duration::from_secs(10);
/// Most leases extended in one statement.
const MOST: usize = 1_000;

/// Extends the leases this process holds, until stopped.
pub(crate) async fn extend_leases(
    pool: PgPool,
    clock: Clock,
    leases: Arc<Leases>,
    stop: CancellationToken,
) {
    let mut tick = tokio::time::interval(HEARTBEAT);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        for due in leases.due().chunks(MOST) {
            match extend(&pool, due, clock.now()).await {
                Ok(extended) => leases.renewed(due, &extended),
                // The next heartbeat tries again.
                Err(error) => tracing::warn!(%error, "leases could not be extended"),
            }
        }
    }
}

/// The tasks that make jobs ready again.
pub(crate) struct Upkeep {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) alarm: Arc<Alarm>,
    pub(crate) wakes: Arc<Wakes>,
    pub(crate) poll: Duration,
}

impl Upkeep {
    pub(crate) fn spawn(self: Arc<Self>, tasks: &TaskTracker, stop: &CancellationToken) {
        tasks.spawn(stop.clone().run_until_cancelled_owned(Arc::clone(&self).ready_deferred()));
        tasks.spawn(stop.clone().run_until_cancelled_owned(self.sweep()));
    }

    /// Sleeps until the next deferred job is due; the poll is for those that another process
    /// deferred.
    async fn ready_deferred(self: Arc<Self>) {
        let mut jobs = self.wakes.jobs();
        let mut seen = *jobs.borrow_and_update();
        loop {
            self.alarm.reset();
            match self.ready_due_now().await {
                Ok(Some(next)) => self.alarm.no_later_than(next),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "deferred jobs could not be looked at"),
            }
            let polled = tokio::time::sleep(self.poll);
            tokio::pin!(polled);
            loop {
                let left = self
                    .alarm
                    .next()
                    .map(|next| (next - self.clock.now()).to_std().unwrap_or(Duration::ZERO));
                tokio::select! {
                    () = tokio::time::sleep(left.unwrap_or(self.poll)), if left.is_some() => break,
                    () = &mut polled => break,
                    () = self.alarm.moved() => {}
                    Ok(()) = jobs.changed() => {
                        let now = *jobs.borrow_and_update();
                        let news = now.since(&seen);
                        seen = now;
                        if news.includes(JobWake::DEFERRED) {
                            break;
                        }
                    }
                }
            }
        }
    }

    /// Makes everything due ready; returns when the next is due.
    pub(crate) async fn ready_due_now(
        &self,
    ) -> sqlx::Result<Option<chrono::DateTime<chrono::Utc>>> {
        loop {
            let next = next_due(&self.pool).await?;
            let now = self.clock.now();
            match next {
                Some(due) if due <= now => {
                    let lanes = ready_due(&self.pool, now).await?;
                    if lanes.is_empty() {
                        // Another process is at it.
                        return Ok(None);
                    }
                    self.wakes.jobs_ready(lanes.into_iter().collect());
                }
                next => return Ok(next),
            }
        }
    }

    async fn sweep(self: Arc<Self>) {
        let mut tick = tokio::time::interval(SWEEP);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Err(error) = self.sweep_once().await {
                tracing::warn!(%error, "expired leases could not be looked for");
            }
        }
    }

    pub(crate) async fn sweep_once(&self) -> sqlx::Result<()> {
        let expired = take_back_expired(&self.pool, self.clock.now()).await?;
        if !expired.is_empty() {
            let dead = expired.iter().filter(|job| job.dead).count();
            tracing::warn!(jobs = expired.len(), dead, "workers fell silent: jobs taken back");
            self.wakes.jobs_ready(expired.iter().map(|job| job.lane).collect());
        }
        let keys: Vec<_> = expired.into_iter().filter_map(|job| job.key).collect();
        if !keys.is_empty() {
            let lanes = unblock(&self.pool, &keys).await?;
            self.wakes.jobs_ready(lanes.into_iter().collect());
        }
        let lanes = unblock_all(&self.pool).await?;
        self.wakes.jobs_ready(lanes.into_iter().collect());
        Ok(())
    }
}
