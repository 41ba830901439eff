//! Counts what an evaluation costs, and ends it. The calls that count are woven into the expression when it is
//! compiled: one in each run of a loop, one around whatever makes new texts and lists.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cel::ExecutionError;

use super::limits::{STEPS, TIME};

/// After so many steps the time is looked at.
const LOOK: u64 = 64;
/// After so many expressions, too: a look at the clock costs as much as a short one of them.
const EXPRESSIONS: u64 = 4;

/// What one evaluation has left.
#[derive(Debug)]
pub(crate) struct Meter {
    begun: Instant,
    /// When the evaluation must end, in nanoseconds after `begun`.
    deadline: AtomicU64,
    steps: AtomicU64,
    expressions: AtomicU64,
    cut: AtomicBool,
}

impl Meter {
    pub(crate) fn new() -> Arc<Self> {
        let meter = Self {
            begun: Instant::now(),
            deadline: AtomicU64::new(0),
            steps: AtomicU64::new(0),
            expressions: AtomicU64::new(0),
            cut: AtomicBool::new(false),
        };
        meter.restart(meter.begun);
        Arc::new(meter)
    }

    /// For the next rule, which begins now.
    pub(crate) fn restart(&self, now: Instant) {
        let deadline = nanoseconds(now.saturating_duration_since(self.begun) + TIME);
        self.deadline.store(deadline, Ordering::Relaxed);
        self.steps.store(0, Ordering::Relaxed);
        self.expressions.store(0, Ordering::Relaxed);
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
        let late = before / LOOK != after / LOOK && self.is_late();
        self.go_on(after > STEPS || late)
    }

    /// Takes the steps of something slow: the time is looked at each time.
    pub(crate) fn take_slow(&self, steps: u64) -> Result<(), ExecutionError> {
        self.take(steps)?;
        self.go_on(self.is_late())
    }

    /// An expression has ended. What it compares is bounded and takes no steps; many of them take their time.
    pub(crate) fn expression_ended(&self) {
        let before = self.expressions.fetch_add(1, Ordering::Relaxed);
        if before % EXPRESSIONS == EXPRESSIONS - 1 && self.is_late() {
            self.cut.store(true, Ordering::Relaxed);
        }
    }

    fn is_late(&self) -> bool {
        nanoseconds(self.begun.elapsed()) > self.deadline.load(Ordering::Relaxed)
    }

    fn go_on(&self, beyond: bool) -> Result<(), ExecutionError> {
        if beyond || self.is_cut() {
            self.cut.store(true, Ordering::Relaxed);
            return Err(ExecutionError::function_error("limit", "the rule takes too long"));
        }
        Ok(())
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
