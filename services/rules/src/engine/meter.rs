//! Counts what an evaluation costs, and ends it. The calls that count are woven into the expression when it is
//! compiled: one in each run of a loop, one around whatever makes new texts and lists.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cel::ExecutionError;

use super::limits::{STEPS, TIME};

/// After so many steps the time is looked at.
const LOOK: u64 = 64;

/// What one evaluation has left.
#[derive(Debug)]
pub(crate) struct Meter {
    begun: Instant,
    /// When the evaluation must end, in nanoseconds after `begun`.
    deadline: AtomicU64,
    steps: AtomicU64,
    cut: AtomicBool,
}

impl Meter {
    pub(crate) fn new() -> Arc<Self> {
        let meter = Self {
            begun: Instant::now(),
            deadline: AtomicU64::new(0),
            steps: AtomicU64::new(0),
            cut: AtomicBool::new(false),
        };
        meter.restart();
        Arc::new(meter)
    }

    /// For the next rule.
    pub(crate) fn restart(&self) {
        let deadline = nanoseconds(self.begun.elapsed() + TIME);
        self.deadline.store(deadline, Ordering::Relaxed);
        self.steps.store(0, Ordering::Relaxed);
        self.cut.store(false, Ordering::Relaxed);
    }

    /// Whether the evaluation went beyond its limits. What it then says means nothing: `error || true` is true.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    /// Takes steps; an error where none are left.
    pub(crate) fn take(&self, steps: u64) -> Result<(), ExecutionError> {
        let before = self.steps.fetch_add(steps, Ordering::Relaxed);
        let after = before.saturating_add(steps);
        let late = before / LOOK != after / LOOK
            && nanoseconds(self.begun.elapsed()) > self.deadline.load(Ordering::Relaxed);
        if after > STEPS || late || self.is_cut() {
            self.cut.store(true, Ordering::Relaxed);
            return Err(ExecutionError::function_error("limit", "the rule takes too long"));
        }
        Ok(())
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
