//! Who is woken when a transaction commits: readers of events and workers, here and elsewhere.
//!
//! In this process at once, through a watch channel; in other processes through a core message on
//! NATS where there is one. A wake is a hint that may be lost: everyone also polls.

use std::ops::BitOr;

use tokio::sync::watch;

use crate::Lane;

/// Which jobs became durable: of which lanes some can start at once, and whether some wait for
/// their time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct JobWake(u8);

impl JobWake {
    /// Jobs of any kind, where it is not known better.
    pub(crate) const ANY: Self = Self(0b1111);
    /// Jobs that wait for their time.
    pub(crate) const DEFERRED: Self = Self(0b1000);

    /// Jobs of this lane that can start at once.
    pub(crate) fn lane(lane: Lane) -> Self {
        Self(1 << lane as u8)
    }

    /// As one byte, for messages.
    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ANY.0)
    }

    /// Whether all of `other` is in it.
    pub(crate) fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for JobWake {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<Lane> for JobWake {
    fn from_iter<I: IntoIterator<Item = Lane>>(lanes: I) -> Self {
        lanes.into_iter().fold(Self::default(), |wake, lane| wake | Self::lane(lane))
    }
}

/// How often jobs of each lane, and deferred ones, became durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct JobWakes([u64; 4]);

impl JobWakes {
    fn count(&mut self, wake: JobWake) {
        for (bit, count) in self.0.iter_mut().enumerate() {
            *count += u64::from(wake.0 >> bit & 1);
        }
    }

    /// What happened since `before`.
    pub(crate) fn since(&self, before: &Self) -> JobWake {
        let bits = self.0.iter().zip(&before.0).enumerate();
        JobWake(bits.fold(0, |wake, (bit, (now, then))| wake | u8::from(now != then) << bit))
    }
}

/// The wakes of one process.
pub(crate) struct Wakes {
    events: watch::Sender<i64>,
    jobs: watch::Sender<JobWakes>,
    outward: watch::Sender<Outward>,
}

/// What other processes are to be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outward {
    /// The highest transaction order committed here.
    pub(crate) events: i64,
    /// Which jobs were committed here, and how often.
    pub(crate) jobs: JobWakes,
}

impl Wakes {
    pub(crate) fn new() -> Self {
        Self {
            events: watch::Sender::new(0),
            jobs: watch::Sender::new(JobWakes::default()),
            outward: watch::Sender::new(Outward::default()),
        }
    }

    /// The highest transaction order known to be committed.
    pub(crate) fn events(&self) -> watch::Receiver<i64> {
        self.events.subscribe()
    }

    /// Changes whenever jobs were committed.
    pub(crate) fn jobs(&self) -> watch::Receiver<JobWakes> {
        self.jobs.subscribe()
    }

    /// What this process has to tell the others.
    pub(crate) fn outward(&self) -> watch::Receiver<Outward> {
        self.outward.subscribe()
    }

    /// A transaction of this process committed events up to this transaction order, and jobs.
    pub(crate) fn committed(&self, events: Option<i64>, jobs: JobWake) {
        if let Some(order) = events {
            self.events_committed_elsewhere(order);
        }
        self.jobs_ready(jobs);
        if events.is_some() || !jobs.is_empty() {
            self.outward.send_modify(|outward| {
                outward.events = outward.events.max(events.unwrap_or(0));
                outward.jobs.count(jobs);
            });
        }
    }

    /// Another process says that events up to this transaction order are committed.
    pub(crate) fn events_committed_elsewhere(&self, order: i64) {
        self.events.send_if_modified(|known| {
            let newer = order > *known;
            *known = order.max(*known);
            newer
        });
    }

    /// There are jobs to claim or to wait for: another process says so, or they became ready.
    pub(crate) fn jobs_ready(&self, jobs: JobWake) {
        if !jobs.is_empty() {
            self.jobs.send_modify(|counts| counts.count(jobs));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiter_learns_which_jobs_there_are() {
        let wakes = Wakes::new();
        let jobs = wakes.jobs();
        let before = *jobs.borrow();
        wakes.committed(None, JobWake::lane(Lane::Interactive));
        wakes.jobs_ready(JobWake::DEFERRED);
        let wake = jobs.borrow().since(&before);
        assert_eq!(wake, JobWake::lane(Lane::Interactive) | JobWake::DEFERRED);
        assert_eq!(JobWake::from_bits(wake.bits()), wake);
    }
}
