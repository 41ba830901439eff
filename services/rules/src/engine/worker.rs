//! Evaluations on a thread of their own, with a stack that their depth is bounded for, and a hard cut.
//!
//! The meter ends what loops; this is for what it cannot see. A thread cannot be killed: a stuck one keeps its place
//! among the few until it ends, and its rule is stopped, so that it never runs again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

/// So many evaluations at a time.
const THREADS: usize = 4;
/// Expressions have at most 400 operators within 32 brackets, each some kilobytes of stack in a debug build.
const STACK: usize = 16 << 20;

/// Why an evaluation has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoResult {
    /// It does not end: at the rule with this number.
    #[error("the evaluation of rule number {0} does not end")]
    Stuck(usize),
    /// No thread could be had, or it broke.
    #[error("there was no thread for the evaluation")]
    NoThread,
}

/// The threads. What happens and what people try have some each: trying holds up nothing.
#[derive(Debug)]
pub struct Threads(Arc<Semaphore>);

impl Default for Threads {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(THREADS)))
    }
}

impl Threads {
    /// Runs `work` on a thread of its own. It says by `progress` how far it is, and may take at most `limit` from one
    /// of its steps to the next: whoever comes late is not blamed for those before.
    ///
    /// # Errors
    /// See [`NoResult`].
    pub async fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce(&AtomicUsize) -> T + Send + 'static,
    ) -> Result<T, NoResult> {
        let place = Arc::clone(&self.0).acquire_owned();
        let place = tokio::time::timeout(limit, place).await;
        let place = place.map_err(|_| NoResult::NoThread)?.map_err(|_| NoResult::NoThread)?;
        let progress = Arc::new(AtomicUsize::new(0));
        let (sender, mut receiver) = oneshot::channel();
        let told = Arc::clone(&progress);
        std::thread::Builder::new()
            .name("rules".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                // Nobody waits any more where it took too long.
                drop(sender.send(work(&told)));
                drop(place);
            })
            .map_err(|_| NoResult::NoThread)?;
        let mut reached = 0;
        loop {
            match tokio::time::timeout(limit, &mut receiver).await {
                Ok(Ok(result)) => return Ok(result),
                Ok(Err(_)) => return Err(NoResult::NoThread),
                Err(_) => {
                    let now = progress.load(Ordering::Relaxed);
                    if now == reached {
                        return Err(NoResult::Stuck(now));
                    }
                    reached = now;
                }
            }
        }
    }
}
