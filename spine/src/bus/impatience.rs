//! How readers of the ledger's end wait.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Without a wake, the ledger is looked at this often.
const POLL: Duration = Duration::from_millis(500);
/// How long events that are committed but not yet readable are looked for in short steps before
/// the poll takes over.
const IMPATIENT: Duration = Duration::from_secs(5);
/// The longest of these steps.
const LONGEST_STEP: Duration = Duration::from_millis(16);

/// Waits for something new in the ledger. Where events are known to be committed and cannot be
/// read yet, because an older transaction is still running, it looks again very soon: most
/// transactions are short.
pub(super) struct Impatience {
    wakes: watch::Receiver<i64>,
    /// The highest transaction order that was known to be committed before the last read.
    known: i64,
    since: Option<Instant>,
    steps: u32,
}

impl Impatience {
    pub(super) fn new(wakes: watch::Receiver<i64>) -> Self {
        Self { wakes, known: 0, since: None, steps: 0 }
    }

    /// To be called right before a read.
    pub(super) fn about_to_read(&mut self) {
        self.known = *self.wakes.borrow_and_update();
    }

    /// To be called when a read brought something.
    pub(super) fn progressed(&mut self) {
        self.since = None;
        self.steps = 0;
    }

    /// Waits, after a read that ended in the transaction with this order.
    pub(super) async fn wait(&mut self, reached: i64) {
        if self.known > reached {
            let since = *self.since.get_or_insert_with(Instant::now);
            if since.elapsed() < IMPATIENT {
                self.steps += 1;
                let step = Duration::from_millis(1 << (self.steps / 2).min(4));
                tokio::time::sleep(step.min(LONGEST_STEP)).await;
                return;
            }
        } else {
            self.progressed();
        }
        tokio::select! {
            Ok(()) = self.wakes.changed() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}
