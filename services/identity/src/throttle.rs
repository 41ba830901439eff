//! Slows down guessing: so many wrong passwords a name, then a pause.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use moka::sync::Cache;

/// Wrong attempts allowed a name within the window.
const ATTEMPTS: u32 = 10;
/// How long wrong attempts are remembered.
const WINDOW: Duration = Duration::from_secs(600);

/// Counts wrong attempts by name, bounded in memory.
pub(crate) struct Throttle(Cache<String, Arc<AtomicU32>>);

impl Throttle {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(10_000).time_to_live(WINDOW).build())
    }

    /// Whether this name may try now.
    pub(crate) fn admits(&self, name: &str) -> bool {
        self.0
            .get(&name.to_lowercase())
            .is_none_or(|count| count.load(Ordering::Relaxed) < ATTEMPTS)
    }

    /// Remembers a wrong attempt.
    pub(crate) fn failed(&self, name: &str) {
        self.0
            .get_with(name.to_lowercase(), || Arc::new(AtomicU32::new(0)))
            .fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets the wrong attempts of someone who got it right.
    pub(crate) fn succeeded(&self, name: &str) {
        self.0.invalidate(&name.to_lowercase());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_guess_waits() {
        let throttle = Throttle::new();
        for _ in 0..ATTEMPTS {
            assert!(throttle.admits("Ada"));
            throttle.failed("ada");
        }
        assert!(!throttle.admits("ADA"));
        assert!(throttle.admits("grace"));
        throttle.succeeded("ada");
        assert!(throttle.admits("ada"));
    }
}
