//! The leases this process holds, kept alive while it lives.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use crate::JobId;

#[derive(Debug)]
struct Held {
    claim: i32,
    lease: Duration,
    /// By both clocks: the steady one stands still while the machine sleeps, the other one may be
    /// set back.
    renewed: (Instant, DateTime<Utc>),
    /// Stops the run that uses this lease.
    run: Option<CancellationToken>,
}

/// Every job this process has claimed and not yet completed or given back.
#[derive(Debug, Default)]
pub(crate) struct Leases(Mutex<HashMap<JobId, Held>>);

impl Held {
    /// Whether a third of the lease has passed.
    fn is_due(&self, now: DateTime<Utc>) -> bool {
        let (steady, wall) = self.renewed;
        let passed = (now - wall).to_std().unwrap_or_default().max(steady.elapsed());
        passed >= self.lease / 3
    }
}

impl Leases {
    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These jobs were just claimed: id, claim, lease.
    pub(crate) fn hold(
        &self,
        jobs: impl Iterator<Item = (JobId, i32, Duration)>,
        now: DateTime<Utc>,
    ) {
        let renewed = (Instant::now(), now);
        let mut held = self.lock();
        held.extend(jobs.map(|(id, claim, lease)| (id, Held { claim, lease, renewed, run: None })));
    }

    /// A run of these claims starts, stopped by `run` where a lease gets lost. Returns which of
    /// them are still held.
    pub(crate) fn start(&self, jobs: &[(JobId, i32)], run: &CancellationToken) -> Vec<bool> {
        let mut all = self.lock();
        jobs.iter()
            .map(|(id, claim)| match all.get_mut(id) {
                Some(held) if held.claim == *claim => {
                    held.run = Some(run.clone());
                    true
                }
                _ => false,
            })
            .collect()
    }

    /// These claims are over.
    pub(crate) fn drop_held(&self, jobs: impl Iterator<Item = (JobId, i32)>) {
        let mut all = self.lock();
        for (id, claim) in jobs {
            if all.get(&id).is_some_and(|held| held.claim == claim) {
                all.remove(&id);
            }
        }
    }

    /// The claims of which a third of the lease has passed.
    pub(crate) fn due(&self, now: DateTime<Utc>) -> Vec<(JobId, i32)> {
        self.lock()
            .iter()
            .filter(|(_, held)| held.is_due(now))
            .map(|(id, held)| (*id, held.claim))
            .collect()
    }

    /// Of the claims in `asked`, only those in `extended` still hold: the others' runs are stopped,
    /// because another worker may have begun them.
    pub(crate) fn renewed(&self, asked: &[(JobId, i32)], extended: &[JobId], now: DateTime<Utc>) {
        let now = (Instant::now(), now);
        let mut all = self.lock();
        for id in extended {
            if let Some(held) = all.get_mut(id) {
                held.renewed = now;
            }
        }
        let extended: std::collections::HashSet<_> = extended.iter().collect();
        for (id, claim) in asked.iter().filter(|(id, _)| !extended.contains(id)) {
            if all.get(id).is_some_and(|held| held.claim == *claim)
                && let Some(held) = all.remove(id)
            {
                tracing::warn!(job.id = %id, "the lease was lost");
                if let Some(run) = held.run {
                    run.cancel();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn leases_are_due_at_once_when_the_machine_wakes_up() {
        let (leases, id) = (Leases::default(), JobId::new());
        let then = DateTime::from_timestamp(1_700_000_000, 0).expect("a time");
        leases.hold([(id, 1, Duration::from_secs(60))].into_iter(), then);
        assert!(leases.due(then + TimeDelta::seconds(19)).is_empty());
        let later = then + TimeDelta::hours(8);
        assert_eq!(leases.due(later), [(id, 1)]);
        leases.renewed(&[(id, 1)], &[id], later);
        assert!(leases.due(later + TimeDelta::seconds(19)).is_empty());
        assert!(leases.due(then).is_empty(), "a clock that is set back makes nothing due");
    }
}
