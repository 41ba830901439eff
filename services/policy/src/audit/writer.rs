//! The task that writes entries: all that wait, in one transaction, as soon as the one before is on disk and somebody
//! waits for it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use spine::Clock;
use sqlx::PgPool;
use tokio::sync::Notify;

use super::queue::Queue;
use crate::service::Inner;
use crate::{PolicyService, store};

/// Most entries of one transaction.
const GROUP: usize = 2_000;
/// So many new entries have the Merkle log continued at once.
const MANY: usize = 1_000;
/// How long to wait after a failure; it doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often a closing process tries to write the rest.
const LAST_ATTEMPTS: u32 = 5;

/// Writes until the queue is closed and empty. `many` is told whenever there is much to sequence.
///
/// The statement that writes tells the revision of what decisions rest on. Where that is newer than a
/// decision's, the decision is made again before anybody is told that it is written: an answer that
/// leaves this process rests on nothing that was withdrawn before its entry was written.
pub(crate) async fn write(
    queue: Arc<Queue>,
    service: Weak<Inner>,
    (pool, clock): (PgPool, Clock),
    many: Arc<Notify>,
) {
    let mut failures = 0_u32;
    let mut unsequenced = 0;
    loop {
        queue.due().await;
        let decided = queue.oldest(GROUP, clock.now());
        if decided.is_empty() {
            if queue.is_over() {
                return;
            }
            continue;
        }
        let entries: Vec<_> = decided.iter().map(|decided| decided.entry()).collect();
        match store::audit::insert(&pool, &entries).await {
            Ok(revision) => {
                failures = 0;
                let withdrawn = match service.upgrade().map(PolicyService) {
                    Some(service) => service.withdrawn(&decided, revision).await,
                    // Nobody waits any more.
                    None => Vec::new(),
                };
                queue.written(decided.len(), &withdrawn);
                unsequenced += decided.len();
                if unsequenced >= MANY {
                    unsequenced = 0;
                    many.notify_one();
                }
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                if failures.is_power_of_two() {
                    tracing::error!(%error, failures, waiting = entries.len(), "the audit log cannot be written");
                }
                queue.failed();
                if queue.is_closed() && failures >= LAST_ATTEMPTS {
                    tracing::error!("entries of the audit log are lost with this process");
                    return;
                }
                let pause = PAUSE.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE);
                tokio::time::sleep(pause).await;
            }
        }
    }
}
