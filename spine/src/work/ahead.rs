//! What a process has claimed of one lane and not started yet: bounded by jobs and by bytes. No I/O.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::Performer;
use super::claim::{Appetite, ClaimedRow};
use super::lanes::Window;
use super::perform::Assignment;
use super::unit::Unit;
use crate::JobId;

/// Bytes of payload that are claimed ahead.
const AHEAD_BYTES: usize = 8 << 20;
/// Bytes of payload that are performed at a time; a heavier unit runs alone.
const RUNNING_BYTES: usize = 8 << 20;

/// The jobs of a lane that wait for a worker of this process.
pub(crate) struct Ahead {
    waiting: VecDeque<Unit>,
    /// How many jobs the waiting units hold, and how many bytes.
    jobs: usize,
    bytes: usize,
    running_bytes: usize,
    window: Window,
    claiming: bool,
    /// There may be more in the table.
    hungry: bool,
    /// Somebody enqueued while a claim was under way, which may have missed it.
    woken: bool,
    claimed_at: Instant,
    claimed: usize,
    /// The last claim brought all it asked for.
    full: bool,
}

impl Ahead {
    /// None yet, and never more than `most`.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            jobs: 0,
            bytes: 0,
            running_bytes: 0,
            window: Window::new(most),
            claiming: false,
            hungry: true,
            woken: false,
            claimed_at: Instant::now(),
            claimed: 0,
            full: false,
        }
    }

    /// There may be jobs in the table.
    pub(crate) fn wake(&mut self) {
        if self.claiming {
            self.woken = true;
        } else {
            self.hungry = true;
        }
    }

    /// What to claim now, where `free` workers could start something; that claim is then under way.
    pub(crate) fn want(&mut self, free: usize) -> Option<Appetite> {
        if self.claiming || !self.hungry {
            return None;
        }
        let size = self.window.size(free);
        // Half empty: claim before it runs out, yet not job by job.
        if self.jobs > size / 2 || self.bytes > AHEAD_BYTES / 2 {
            return None;
        }
        self.claiming = true;
        Some(Appetite { jobs: size - self.jobs, bytes: AHEAD_BYTES - self.bytes })
    }

    /// The claim failed: the next poll tries again.
    pub(crate) fn claim_failed(&mut self) {
        self.claiming = false;
        self.hungry = false;
    }

    /// The claim brought so many jobs; `full`: there may be more.
    pub(crate) fn claim_brought(&mut self, jobs: usize, full: bool) {
        self.claiming = false;
        self.full = full;
        self.hungry = full || std::mem::take(&mut self.woken);
        self.claimed_at = Instant::now();
        self.claimed = jobs;
    }

    /// Queues a claimed job: batch kinds together, in the order they were enqueued.
    pub(crate) fn push(&mut self, performer: &Arc<dyn Performer>, row: ClaimedRow) {
        let item = Assignment::from(row);
        self.jobs += 1;
        self.bytes += item.payload.len();
        // Only the last of its kind: an item goes before none that came before it.
        let last = self.waiting.iter_mut().rev().find(|unit| unit.kind() == performer.kind());
        match last.filter(|unit| unit.has_room_for(&item)) {
            Some(unit) => unit.push(item),
            None => self.waiting.push_back(Unit::of(Arc::clone(performer), item)),
        }
    }

    /// Whether a unit waits that may start beside what runs.
    pub(crate) fn may_start(&self) -> bool {
        self.waiting.front().is_some_and(|unit| {
            self.running_bytes == 0 || self.running_bytes + unit.bytes() <= RUNNING_BYTES
        })
    }

    /// The next unit, which starts now.
    pub(crate) fn start(&mut self) -> Option<Unit> {
        let unit = self.waiting.pop_front()?;
        self.jobs -= unit.jobs();
        self.bytes -= unit.bytes();
        self.running_bytes += unit.bytes();
        let waited = self.claimed_at.elapsed();
        self.window.waited(waited);
        if self.waiting.is_empty() && self.full {
            self.window.ran_dry(waited, self.claimed);
        }
        Some(unit)
    }

    /// A unit of so many bytes ended.
    pub(crate) fn ended(&mut self, bytes: usize) {
        self.running_bytes = self.running_bytes.saturating_sub(bytes);
    }

    /// Gives up what waits: its claims.
    pub(crate) fn drain(&mut self) -> Vec<(JobId, i32)> {
        self.jobs = 0;
        self.bytes = 0;
        self.waiting.drain(..).flat_map(|unit| unit.claims().collect::<Vec<_>>()).collect()
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::Spine;
    use crate::work::perform::Outcome;

    struct Batches;

    #[async_trait]
    impl Performer for Batches {
        fn kind(&self) -> &'static str {
            "test.batches"
        }

        fn batch(&self) -> usize {
            100
        }

        async fn perform(&self, _: &Spine, _: &[Assignment]) -> Vec<Outcome> {
            Vec::new()
        }
    }

    fn push(ahead: &mut Ahead, sizes: &[usize]) {
        let performer: Arc<dyn Performer> = Arc::new(Batches);
        for size in sizes {
            ahead.push(&performer, ClaimedRow::sample("test.batches", "x".repeat(*size)));
        }
    }

    fn units(ahead: &mut Ahead) -> Vec<usize> {
        std::iter::from_fn(|| ahead.start()).map(|unit| unit.jobs()).collect()
    }

    const MIB: usize = 1 << 20;

    #[test]
    fn a_batch_ends_where_it_would_be_too_heavy() {
        let mut ahead = Ahead::new(1_000);
        push(&mut ahead, &[10; 150]);
        assert_eq!(units(&mut ahead), [100, 50]);
        push(&mut ahead, &[MIB / 2, MIB / 2, MIB / 2, 3 * MIB, 10]);
        assert_eq!(units(&mut ahead), [2, 1, 1, 1], "nobody overtakes");
    }

    #[test]
    fn what_is_heavy_is_not_claimed_far_ahead() {
        let mut ahead = Ahead::new(1_000);
        let asked = ahead.want(100).expect("hungry");
        assert_eq!((asked.jobs, asked.bytes), (100, AHEAD_BYTES));
        assert!(ahead.want(100).is_none(), "one claim at a time");
        ahead.claim_brought(6, true);
        push(&mut ahead, &[MIB; 6]);
        assert!(ahead.want(100).is_none(), "more than half of it is there");
        for _ in 0..3 {
            let unit = ahead.start().expect("waits");
            ahead.ended(unit.bytes());
        }
        let asked = ahead.want(100).expect("half empty");
        assert_eq!((asked.jobs, asked.bytes), (97, AHEAD_BYTES - 3 * MIB));
    }

    #[test]
    fn only_so_many_bytes_run_at_a_time_and_what_is_too_heavy_runs_alone() {
        let mut ahead = Ahead::new(1_000);
        push(&mut ahead, &[5 * MIB, 5 * MIB, 20 * MIB]);
        assert!(ahead.may_start());
        let first = ahead.start().expect("waits");
        assert!(!ahead.may_start());
        ahead.ended(first.bytes());
        let second = ahead.start().expect("waits");
        ahead.ended(second.bytes());
        assert!(ahead.may_start(), "nothing runs beside it");
    }
}
