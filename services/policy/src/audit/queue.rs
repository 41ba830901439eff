//! Decisions on their way to the disk.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::decided::Decided;
use crate::PolicyError;

/// What may wait to be written, in entries and in bytes. Beyond it decisions are refusals: an access
/// that cannot be written down must not be.
const MOST: usize = 50_000;
const MOST_BYTES: usize = 32 << 20;
/// So long entries wait for others that nobody waits for yet: a call that decides fifty times writes once.
const GATHERING: Duration = Duration::from_millis(5);
/// So many are written without waiting for more.
const MANY: usize = 500;
/// How long somebody waits for the disk.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many withdrawn decisions are remembered, for those whose answer is yet to leave.
const WITHDRAWN: usize = 1_000;

/// Decisions that wait. Those of one process are written in their order.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    progress: watch::Sender<Progress>,
    /// Something waits, somebody waits for it, or no more will come.
    wake: Notify,
}

#[derive(Default)]
struct Waiting {
    /// Those not on disk yet; the writer takes them away once they are.
    entries: VecDeque<Arc<Decided>>,
    bytes: usize,
    /// How many ever came.
    queued: u64,
    /// How many of these somebody waits for.
    awaited: u64,
    /// How many decisions were refused because no more could wait.
    overflowed: u64,
    /// The numbers of those that held no more when they were written, newest last.
    withdrawn: VecDeque<u64>,
    closed: bool,
}

/// Whether something is to be written.
enum Pressing {
    Now,
    Soon,
    Not,
}

impl Waiting {
    fn pressing(&self) -> Pressing {
        let written = self.queued - self.entries.len() as u64;
        if self.closed || self.awaited > written || self.entries.len() >= MANY {
            Pressing::Now
        } else if self.entries.is_empty() && self.overflowed == 0 {
            Pressing::Not
        } else {
            Pressing::Soon
        }
    }
}

/// How far the writer is.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// So many of those that ever came are on disk.
    written: u64,
    /// So many attempts failed.
    failures: u64,
}

impl Queue {
    /// Lets entries wait, all or none. Whether there was room.
    pub(crate) fn push(&self, entries: impl IntoIterator<Item = Decided>) -> bool {
        let mut waiting = self.waiting();
        if waiting.entries.len() >= MOST || waiting.bytes >= MOST_BYTES {
            waiting.overflowed += 1;
            return false;
        }
        let before = waiting.entries.len();
        for entry in entries {
            waiting.bytes += entry.weight();
            waiting.queued += 1;
            waiting.entries.push_back(Arc::new(entry));
        }
        let wake = before == 0 || (before < MANY && waiting.entries.len() >= MANY);
        drop(waiting);
        if wake {
            self.wake.notify_one();
        }
        true
    }

    /// How many ever came, which is the number of the next.
    pub(crate) fn mark(&self) -> u64 {
        self.waiting().queued
    }

    /// Waits until all that waits now is on disk.
    ///
    /// # Errors
    /// [`PolicyError::AuditAway`]: writing failed meanwhile, or takes too long.
    /// [`PolicyError::Withdrawn`]: one of those since the mark held no more when it was written.
    pub(crate) async fn settled(&self, since: u64) -> Result<(), PolicyError> {
        // What fails from now on concerns us.
        let mut progress = self.progress.subscribe();
        let failures = progress.borrow().failures;
        let queued = self.wanted();
        let done = progress
            .wait_for(|progress| progress.written >= queued || progress.failures > failures);
        match tokio::time::timeout(PATIENCE, done).await {
            Ok(Ok(progress)) if progress.written >= queued => {}
            _ => return Err(PolicyError::AuditAway),
        }
        let waiting = self.waiting();
        let newest = waiting.withdrawn.iter().rev();
        match newest.take_while(|number| **number >= since).any(|number| *number < queued) {
            true => Err(PolicyError::Withdrawn),
            false => Ok(()),
        }
    }

    /// Says that somebody waits for all that wait now. How many ever came.
    fn wanted(&self) -> u64 {
        let mut waiting = self.waiting();
        waiting.awaited = waiting.queued;
        let wake = !waiting.entries.is_empty();
        let queued = waiting.queued;
        drop(waiting);
        if wake {
            self.wake.notify_one();
        }
        queued
    }

    /// Waits until something is to be written: at once what somebody waits for, all else after a moment.
    /// Also returns where no more will come.
    pub(super) async fn due(&self) {
        let mut soon = None;
        loop {
            let pressing = self.waiting().pressing();
            match pressing {
                Pressing::Now => return,
                Pressing::Not => self.wake.notified().await,
                Pressing::Soon => {
                    let until = *soon.get_or_insert_with(|| Instant::now() + GATHERING);
                    if tokio::time::timeout_at(until, self.wake.notified()).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// No more will come: the writer writes the rest, and ends.
    pub(crate) fn close(&self) {
        self.waiting().closed = true;
        self.wake.notify_one();
    }

    /// The oldest that wait, at most so many, and one that tells of refusals for want of room.
    pub(super) fn oldest(&self, most: usize, now: DateTime<Utc>) -> Vec<Arc<Decided>> {
        let mut waiting = self.waiting();
        let refused = std::mem::take(&mut waiting.overflowed);
        if refused > 0 {
            let entry = Decided::overflow(refused, now);
            waiting.bytes += entry.weight();
            waiting.queued += 1;
            waiting.entries.push_back(Arc::new(entry));
        }
        waiting.entries.iter().take(most).cloned().collect()
    }

    /// The oldest so many are on disk; those at these places among them held no more by then.
    pub(super) fn written(&self, count: usize, withdrawn: &[usize]) {
        let mut waiting = self.waiting();
        let first = waiting.queued - waiting.entries.len() as u64;
        waiting.withdrawn.extend(withdrawn.iter().map(|place| first + *place as u64));
        let surplus = waiting.withdrawn.len().saturating_sub(WITHDRAWN);
        waiting.withdrawn.drain(..surplus);
        for _ in 0..count {
            if let Some(entry) = waiting.entries.pop_front() {
                waiting.bytes = waiting.bytes.saturating_sub(entry.weight());
            }
        }
        drop(waiting);
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.progress.send_modify(|progress| progress.written += count);
    }

    /// They are not.
    pub(super) fn failed(&self) {
        self.progress.send_modify(|progress| progress.failures += 1);
    }

    /// Whether nothing waits and nothing will.
    pub(super) fn is_over(&self) -> bool {
        let waiting = self.waiting();
        waiting.closed && waiting.entries.is_empty()
    }

    /// Whether nothing more will come.
    pub(super) fn is_closed(&self) -> bool {
        self.waiting().closed
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt as _;

    use super::*;

    fn entry() -> [Decided; 1] {
        [Decided::overflow(1, DateTime::UNIX_EPOCH)]
    }

    fn write_all(queue: &Queue, withdrawn: &[usize]) {
        let all = queue.oldest(usize::MAX, DateTime::UNIX_EPOCH).len();
        queue.written(all, withdrawn);
    }

    #[tokio::test]
    async fn who_waits_is_told_of_the_disk_and_of_failures() {
        let queue = Queue::default();
        queue.settled(0).await.unwrap();
        assert!(queue.push(entry()));
        let (settled, ()) = tokio::join!(queue.settled(0), async { queue.failed() });
        assert!(matches!(settled, Err(PolicyError::AuditAway)));
        let (settled, ()) = tokio::join!(queue.settled(0), async { write_all(&queue, &[]) });
        settled.unwrap();
    }

    #[tokio::test]
    async fn who_decided_what_was_withdrawn_is_told_and_nobody_else() {
        let queue = Queue::default();
        assert!(queue.push(entry()));
        let mine = queue.mark();
        assert!(queue.push(entry()) && queue.push(entry()));
        let after = queue.mark();
        write_all(&queue, &[1]);
        assert!(matches!(queue.settled(mine).await, Err(PolicyError::Withdrawn)), "also later");
        queue.settled(after).await.unwrap();
        assert!(queue.push(entry()));
        write_all(&queue, &[]);
        queue.settled(after).await.unwrap();
        assert!(matches!(queue.settled(0).await, Err(PolicyError::Withdrawn)));
    }

    #[tokio::test]
    async fn what_somebody_waits_for_is_due_at_once_and_all_else_in_a_moment() {
        let queue = Queue::default();
        assert!(queue.due().now_or_never().is_none(), "nothing waits");
        assert!(queue.push(entry()));
        assert!(queue.due().now_or_never().is_none(), "more may come");
        queue.due().await;
        let mut settled = pin!(queue.settled(0));
        assert!(settled.as_mut().now_or_never().is_none());
        queue.due().now_or_never().unwrap();
        write_all(&queue, &[]);
        settled.await.unwrap();
        assert!(queue.due().now_or_never().is_none());
        assert!((0..MANY).all(|_| queue.push(entry())));
        queue.due().now_or_never().unwrap();
        write_all(&queue, &[]);
        queue.close();
        queue.due().now_or_never().unwrap();
    }

    #[test]
    fn what_waits_is_bounded_and_what_was_refused_for_it_is_told() {
        let queue = Queue::default();
        let taken = (0..MOST + 10).filter(|_| queue.push(entry())).count();
        assert_eq!(taken, MOST);
        let all = queue.oldest(usize::MAX, DateTime::UNIX_EPOCH);
        assert_eq!(all.last().unwrap().entry().policies, ["audit-log-full:10"]);
        queue.written(all.len(), &[]);
        assert!(queue.push(entry()));
    }
}
