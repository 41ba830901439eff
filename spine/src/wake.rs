//! Who is woken when a transaction commits: readers of events and workers, here and elsewhere.
//!
//! In this process at once, through a watch channel; in other processes through a core message on
//! NATS where there is one. A wake is a hint that may be lost: everyone also polls.

use tokio::sync::watch;

/// The wakes of one process.
pub(crate) struct Wakes {
    events: watch::Sender<i64>,
    jobs: watch::Sender<u64>,
    outward: watch::Sender<Outward>,
}

/// What other processes are to be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outward {
    /// The highest transaction order committed here.
    pub(crate) events: i64,
    /// How many transactions with jobs were committed here.
    pub(crate) jobs: u64,
}

impl Wakes {
    pub(crate) fn new() -> Self {
        Self {
            events: watch::Sender::new(0),
            jobs: watch::Sender::new(0),
            outward: watch::Sender::new(Outward::default()),
        }
    }

    /// The highest transaction order known to be committed.
    pub(crate) fn events(&self) -> watch::Receiver<i64> {
        self.events.subscribe()
    }

    /// Changes whenever jobs were committed.
    pub(crate) fn jobs(&self) -> watch::Receiver<u64> {
        self.jobs.subscribe()
    }

    /// What this process has to tell the others.
    pub(crate) fn outward(&self) -> watch::Receiver<Outward> {
        self.outward.subscribe()
    }

    /// A transaction of this process committed events up to this transaction order, and jobs.
    pub(crate) fn committed(&self, events: Option<i64>, jobs: bool) {
        if let Some(order) = events {
            self.events_committed_elsewhere(order);
        }
        if jobs {
            self.jobs_committed_elsewhere();
        }
        if events.is_some() || jobs {
            self.outward.send_modify(|outward| {
                outward.events = outward.events.max(events.unwrap_or(0));
                outward.jobs += u64::from(jobs);
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

    /// Another process says that it committed jobs.
    pub(crate) fn jobs_committed_elsewhere(&self) {
        self.jobs.send_modify(|count| *count += 1);
    }
}
