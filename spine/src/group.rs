//! Group commit: whoever comes while a transaction is under way shares the next one.
//!
//! Every commit waits for the disk, however much is in it. Callers that come one by one are
//! collected for as long as the transaction before them takes, and are told once theirs is on disk:
//! nobody waits for a timer, alone one waits for nobody, and a busy node writes in batches by
//! itself.

use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::SpineError;

/// Callers that may wait for a transaction; more are refused with [`SpineError::Busy`].
const WAITING: usize = 4_096;
/// Bytes that they may bring altogether: what waits is in memory, and strangers send some of it.
const WAITING_BYTES: u32 = 64 << 20;

/// What callers have written for them, many in one transaction.
#[async_trait]
pub trait GroupWrite: Send + Sync + 'static {
    /// What one caller brings.
    type Item: Send + Sync + 'static;
    /// What one caller gets back once it is on disk.
    type Done: Send + 'static;
    /// Why it is not.
    type Error: From<SpineError> + Display + Send + 'static;

    /// Most items of one transaction.
    const MOST: usize;
    /// About how many bytes of items one transaction writes. Writing holds several copies of them
    /// (as JSON, sealed, on the wire). A heavier item has a transaction of its own.
    const MOST_BYTES: usize = 4 << 20;

    /// About how many bytes this item holds beyond its own size.
    fn weight(item: &Self::Item) -> usize;

    /// Writes these items in one transaction, all or none: what each became, in their order.
    async fn write(&self, items: &[Self::Item]) -> Result<Vec<Self::Done>, Self::Error>;

    /// Whether the items were not to blame: nothing can be written now, so that trying each alone
    /// would only take longer ([`crate::is_away`]).
    fn is_unavailable(error: &Self::Error) -> bool;
}

struct Waiting<W: GroupWrite> {
    item: W::Item,
    weight: usize,
    answer: oneshot::Sender<Result<W::Done, W::Error>>,
    /// Its part of what may wait, until it is written.
    room: OwnedSemaphorePermit,
}

/// The way to a [`GroupWrite`]. One task writes what waits; it ends when this is dropped.
pub struct GroupCommit<W: GroupWrite> {
    sender: mpsc::Sender<Waiting<W>>,
    room: Arc<Semaphore>,
}

impl<W: GroupWrite> GroupCommit<W> {
    /// Starts the task that writes.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn start(writer: W) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(write_groups(writer, receiver));
        Self { sender, room: Arc::new(Semaphore::new(WAITING_BYTES as usize)) }
    }

    /// Has an item written; returns after the commit. A caller that goes away meanwhile does not
    /// keep it from being written.
    ///
    /// # Errors
    /// What [`GroupWrite::write`] says of this item; [`SpineError::Busy`] where too many or too much
    /// waits. Nothing of the item was written.
    pub async fn submit(&self, item: W::Item) -> Result<W::Done, W::Error> {
        let (answer, answered) = oneshot::channel();
        let weight = size_of::<Waiting<W>>().saturating_add(W::weight(&item));
        // One that is heavier than all that may wait still has its turn, where nothing else waits.
        let room = u32::try_from(weight).unwrap_or(u32::MAX).min(WAITING_BYTES);
        let room = Arc::clone(&self.room).try_acquire_many_owned(room);
        let room = room.map_err(|_full| SpineError::Busy)?;
        let waiting = Waiting { item, weight, answer, room };
        self.sender.try_send(waiting).map_err(|_full| SpineError::Busy)?;
        // Without an answer: the process ends, or the write panicked.
        answered.await.map_err(|_ended| SpineError::from(sqlx::Error::PoolClosed))?
    }
}

async fn write_groups<W: GroupWrite>(writer: W, mut receiver: mpsc::Receiver<Waiting<W>>) {
    let mut group: Vec<Waiting<W>> = Vec::with_capacity(W::MOST);
    loop {
        if group.is_empty() && receiver.recv_many(&mut group, W::MOST).await == 0 {
            return;
        }
        // What was too much for the group before goes first, with who came meanwhile.
        while group.len() < W::MOST
            && let Ok(waiting) = receiver.try_recv()
        {
            group.push(waiting);
        }
        let rest = group.split_off(one_transaction(&group));
        // Their rooms are given back when all are answered.
        let (mut items, mut answers, mut rooms) = (Vec::new(), Vec::new(), Vec::new());
        for Waiting { item, answer, room, .. } in std::mem::replace(&mut group, rest) {
            items.push(item);
            answers.push(answer);
            rooms.push(room);
        }
        // What panics takes its callers with it, who are told that it failed, but not the next ones.
        if AssertUnwindSafe(write_group(&writer, &items, answers)).catch_unwind().await.is_err() {
            tracing::error!(items = items.len(), "writing a group panicked");
        }
    }
}

/// How many of those that wait one transaction writes: at least one.
fn one_transaction<W: GroupWrite>(waiting: &[Waiting<W>]) -> usize {
    let mut bytes = 0_usize;
    let fitting = waiting.iter().take(W::MOST).take_while(|one| {
        bytes = bytes.saturating_add(one.weight);
        bytes <= W::MOST_BYTES
    });
    fitting.count().max(1)
}

async fn write_group<W: GroupWrite>(
    writer: &W,
    items: &[W::Item],
    answers: Vec<oneshot::Sender<Result<W::Done, W::Error>>>,
) {
    let error = match writer.write(items).await {
        Ok(done) => {
            for (answer, done) in answers.into_iter().zip(done) {
                tell(answer, Ok(done));
            }
            return;
        }
        Err(error) => error,
    };
    if items.len() == 1 {
        if let Some(answer) = answers.into_iter().next() {
            tell(answer, Err(error));
        }
    } else if W::is_unavailable(&error) {
        tracing::warn!(%error, callers = answers.len(), "nothing could be written");
        for answer in answers {
            tell(answer, Err(SpineError::from(sqlx::Error::PoolTimedOut).into()));
        }
    } else {
        // One of them is to blame: each alone, so that it fails alone.
        for (item, answer) in items.iter().zip(answers) {
            let written = writer.write(std::slice::from_ref(item)).await;
            let done = written.and_then(|done| {
                let missing = || SpineError::from(sqlx::Error::RowNotFound).into();
                done.into_iter().next().ok_or_else(missing)
            });
            tell(answer, done);
        }
    }
}

fn tell<T, E>(answer: oneshot::Sender<Result<T, E>>, outcome: Result<T, E>) {
    if answer.send(outcome).is_err() {
        tracing::debug!("a caller went away before its group was written");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::sync::Semaphore;

    use super::*;

    /// Writes numbers, a group for each permit; never 13, nothing at all with 99, and 66 is a bug.
    #[derive(Clone)]
    struct Numbers {
        groups: Arc<Mutex<Vec<Vec<u32>>>>,
        permits: Arc<Semaphore>,
    }

    impl Numbers {
        fn new(permits: usize) -> Self {
            Self { groups: Arc::default(), permits: Arc::new(Semaphore::new(permits)) }
        }
    }

    #[async_trait]
    impl GroupWrite for Numbers {
        type Item = u32;
        type Done = u32;
        type Error = SpineError;
        const MOST: usize = 8;
        const MOST_BYTES: usize = 4 << 20;

        /// A number from a million on weighs as much.
        fn weight(item: &u32) -> usize {
            if *item < 1_000_000 { 0 } else { *item as usize }
        }

        async fn write(&self, items: &[u32]) -> Result<Vec<u32>, SpineError> {
            self.permits.acquire().await.expect("an open semaphore").forget();
            self.groups.lock().expect("no panic").push(items.to_vec());
            assert!(!items.contains(&66), "a bug");
            match items {
                items if items.contains(&99) => Err(SpineError::ReadOnly),
                items if items.contains(&13) => Err(SpineError::Settings("13".to_owned())),
                items => Ok(items.iter().map(|number| number * 10).collect()),
            }
        }

        fn is_unavailable(error: &SpineError) -> bool {
            crate::is_away(error)
        }
    }

    /// Submits all at once; the answers in order.
    async fn submit(group: &GroupCommit<Numbers>, items: &[u32]) -> Vec<Result<u32, SpineError>> {
        futures_util::future::join_all(items.iter().map(|item| group.submit(*item))).await
    }

    #[tokio::test]
    async fn who_comes_during_a_write_shares_the_next_and_gets_his_own_answer() {
        let numbers = Numbers::new(0);
        let group = GroupCommit::start(numbers.clone());
        let first = async {
            let done = group.submit(1).await;
            assert_eq!(done.expect("written"), 10);
        };
        let others = async {
            while group.sender.capacity() < WAITING {
                tokio::task::yield_now().await;
            }
            let (answers, ()) = tokio::join!(submit(&group, &[2, 3, 4]), async {
                while group.sender.capacity() > WAITING - 3 {
                    tokio::task::yield_now().await;
                }
                numbers.permits.add_permits(2);
            });
            let answers: Vec<u32> = answers.into_iter().map(Result::unwrap).collect();
            assert_eq!(answers, [20, 30, 40]);
        };
        tokio::join!(first, others);
        assert_eq!(*numbers.groups.lock().expect("no panic"), [vec![1], vec![2, 3, 4]]);
    }

    #[tokio::test]
    async fn one_that_cannot_be_written_fails_alone() {
        let group = GroupCommit::start(Numbers::new(100));
        let answers = submit(&group, &[1, 13, 3]).await;
        assert!(matches!(answers[1], Err(SpineError::Settings(_))), "{answers:?}");
        assert!(matches!((&answers[0], &answers[2]), (Ok(10), Ok(30))), "{answers:?}");
    }

    #[tokio::test]
    async fn while_nothing_can_be_written_each_is_told_and_nobody_tried_again() {
        let numbers = Numbers::new(100);
        let group = GroupCommit::start(numbers.clone());
        let answers = submit(&group, &[1, 99, 3]).await;
        assert!(
            answers.iter().all(|answer| answer.as_ref().is_err_and(SpineError::is_unavailable))
        );
        assert_eq!(numbers.groups.lock().expect("no panic").len(), 1);
    }

    #[tokio::test]
    async fn a_bug_in_one_write_does_not_end_the_next() {
        let group = GroupCommit::start(Numbers::new(100));
        assert!(group.submit(66).await.is_err());
        assert_eq!(group.submit(1).await.expect("written"), 10);
    }

    #[tokio::test]
    async fn a_transaction_ends_where_it_would_be_too_heavy() {
        let numbers = Numbers::new(0);
        let group = GroupCommit::start(numbers.clone());
        let heavy = [3_000_000, 1_000_001, 1_000_002, 9_000_000, 1];
        let (answers, ()) = tokio::join!(submit(&group, &heavy), async {
            numbers.permits.add_permits(10);
        });
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        let groups = numbers.groups.lock().expect("no panic").clone();
        assert_eq!(groups, [vec![3_000_000, 1_000_001], vec![1_000_002], vec![9_000_000], vec![1]]);
    }

    #[tokio::test]
    async fn more_bytes_than_may_wait_are_refused_until_others_are_written() {
        let numbers = Numbers::new(0);
        let group = GroupCommit::start(numbers.clone());
        let heavy: Vec<u32> = (30_000_000..30_000_003).collect();
        let (answers, ()) = tokio::join!(submit(&group, &heavy), async {
            numbers.permits.add_permits(10);
        });
        assert!(matches!(answers[..], [Ok(_), Ok(_), Err(SpineError::Busy)]), "{answers:?}");
        assert!(group.submit(100_000_000).await.is_ok(), "alone even what is too heavy is written");
        assert!(group.submit(30_000_000).await.is_ok());
    }

    #[tokio::test]
    async fn more_than_may_wait_are_refused_at_once() {
        let numbers = Numbers::new(0);
        let group = GroupCommit::start(numbers.clone());
        let items: Vec<u32> = (100..100 + 5_000).collect();
        let (answers, ()) = tokio::join!(submit(&group, &items), async {
            numbers.permits.add_permits(10_000);
        });
        let refused =
            answers.iter().filter(|answer| matches!(answer, Err(SpineError::Busy))).count();
        assert!(refused > 0 && refused < items.len(), "{refused}");
        assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(SpineError::Busy))));
    }
}
