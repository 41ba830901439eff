//! What workers do beside work: heartbeats, deferred jobs, expired leases, blocked keys.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::alarm::Alarm;
use super::claim::{extend, next_due, ready_due, unblock, unblock_all};
use super::erased::discard_erased;
use super::leases::Leases;
use super::losses::{Became, take_back_expired};
use crate::Clock;
use crate::wake::{JobWake, Wakes};

/// How often leases are looked after.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How often expired leases and blocked keys are looked for.
const SWEEP: Duration = Duration::from_secs(10);
/// Whoever has not looked for so long was kept from it, and others may have been too.
const LAPSE: TimeDelta = TimeDelta::seconds(30);
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
        let now = clock.now();
        for due in leases.due(now).chunks(MOST) {
            match extend(&pool, due, now).await {
                Ok(extended) => leases.renewed(due, &extended, now),
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
    /// Who tries suspects.
    pub(crate) suspects: Arc<Notify>,
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
    pub(crate) async fn ready_due_now(&self) -> sqlx::Result<Option<DateTime<Utc>>> {
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
        let mut vigil = Vigil::begin(self.clock.now());
        loop {
            tick.tick().await;
            let looked = match vigil.may_judge(self.clock.now()) {
                true => self.sweep_once().await,
                false => self.unblock_all().await,
            };
            vigil.looked(looked.is_ok());
            if let Err(error) = looked {
                tracing::warn!(%error, "expired leases could not be looked for");
            }
        }
    }

    pub(crate) async fn sweep_once(&self) -> sqlx::Result<()> {
        let now = self.clock.now();
        let expired = take_back_expired(&self.pool, now).await?;
        if !expired.is_empty() {
            let of = |became| expired.iter().filter(move |job| job.became == became);
            let dead: Vec<_> = of(Became::Dead).map(|job| job.id).collect();
            let suspects = of(Became::Suspect).count();
            tracing::warn!(
                jobs = expired.len(),
                suspects,
                dead = dead.len(),
                "workers fell silent: jobs taken back"
            );
            self.wakes.jobs_ready(of(Became::Ready).map(|job| job.lane).collect());
            if suspects > 0 {
                self.suspects.notify_one();
            }
            if !dead.is_empty() {
                discard_erased(&mut *self.pool.acquire().await?, &dead, now).await?;
            }
        }
        let keys: Vec<_> = expired.into_iter().filter_map(|job| job.key).collect();
        if !keys.is_empty() {
            let lanes = unblock(&self.pool, &keys).await?;
            self.wakes.jobs_ready(lanes.into_iter().collect());
        }
        self.unblock_all().await
    }

    async fn unblock_all(&self) -> sqlx::Result<()> {
        let lanes = unblock_all(&self.pool).await?;
        self.wakes.jobs_ready(lanes.into_iter().collect());
        Ok(())
    }
}

/// Whether an expired lease means anything. After the database was away, or the machine asleep, every
/// lease has expired, and yet their workers live: they get the time between two looks to say so.
#[derive(Debug)]
struct Vigil {
    looked_at: DateTime<Utc>,
    unbroken: bool,
}

impl Vigil {
    /// A process that starts has missed nothing.
    fn begin(now: DateTime<Utc>) -> Self {
        Self { looked_at: now, unbroken: true }
    }

    fn may_judge(&mut self, now: DateTime<Utc>) -> bool {
        let since = now - std::mem::replace(&mut self.looked_at, now);
        self.unbroken && since < LAPSE
    }

    /// Whether the database answered.
    fn looked(&mut self, answered: bool) {
        self.unbroken = answered;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_judged_only_when_living_workers_could_have_extended_them() {
        let start = DateTime::from_timestamp(1_700_000_000, 0).expect("a time");
        let at = |seconds| start + TimeDelta::seconds(seconds);
        let mut vigil = Vigil::begin(start);
        assert!(vigil.may_judge(at(0)));
        vigil.looked(true);
        assert!(vigil.may_judge(at(10)));
        vigil.looked(false);
        assert!(!vigil.may_judge(at(20)), "the database did not answer the last time");
        vigil.looked(true);
        assert!(vigil.may_judge(at(30)), "it has been back for a while");
        vigil.looked(true);
        assert!(!vigil.may_judge(at(3_600)), "the machine slept");
        vigil.looked(true);
        assert!(vigil.may_judge(at(3_610)));
    }
}
