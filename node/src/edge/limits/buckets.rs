//! How often each of many may do something: a leaky bucket each (GCRA, by the crate `governor`), in
//! memory that is bounded.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use moka::sync::Cache;

use crate::config::Rate;

/// Buckets kept for each limit, a few hundred bytes each. Those in use are kept before those that
/// were seen once, so that a flood of strangers does not empty the buckets of people.
const MOST: u64 = 50_000;

type Bucket<C> = RateLimiter<NotKeyed, InMemoryState, C, StateInformationMiddleware>;

/// The buckets of one limit.
pub struct Buckets<K, C: Clock = MonotonicClock> {
    quota: Quota,
    /// In how long an empty bucket is full again.
    period: Duration,
    clock: C,
    kept: Cache<K, Arc<Bucket<C>>>,
}

/// How a request stands with a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Requests in a row.
    pub limit: u32,
    /// How many of them are left.
    pub remaining: u32,
    /// When all of them are there again.
    pub reset: Duration,
    /// `Some`: refused, for so long.
    pub wait: Option<Duration>,
}

impl<K, C> Buckets<K, C>
where
    K: Hash + Eq + Send + Sync + 'static,
    C: Clock + Clone + Send + Sync + 'static,
    C::Instant: Send + Sync,
{
    /// The buckets of a limit; `None` where there is none.
    pub fn new(rate: Rate, clock: C) -> Option<Self> {
        let period = Duration::from_secs(rate.seconds.into());
        let requests = NonZeroU32::new(rate.requests)?;
        let quota = Quota::with_period(period / requests.get())?.allow_burst(requests);
        // A bucket that was left alone for a whole period is full: forgetting it changes nothing.
        let kept = Cache::builder().max_capacity(MOST).time_to_idle(period).build();
        Some(Self { quota, period, clock, kept })
    }

    /// Counts a request.
    pub fn take(&self, key: K) -> Standing {
        let bucket = self.kept.get_with(key, || {
            Arc::new(
                RateLimiter::direct_with_clock(self.quota, self.clock.clone())
                    .with_middleware::<StateInformationMiddleware>(),
            )
        });
        let limit = self.quota.burst_size().get();
        match bucket.check() {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let reset = self.period * limit.saturating_sub(remaining) / limit;
                Standing { limit, remaining, reset, wait: None }
            }
            Err(until) => {
                let wait = until.wait_time_from(self.clock.now());
                Standing { limit, remaining: 0, reset: self.period, wait: Some(wait) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn rate(requests: u32, seconds: u32) -> Rate {
        Rate { requests, seconds }
    }

    #[test]
    fn a_row_of_requests_passes_then_they_come_back_one_by_one() {
        let clock = FakeRelativeClock::default();
        let buckets = Buckets::new(rate(3, 30), clock.clone()).unwrap();
        let remaining: Vec<u32> = (0..3).map(|_| buckets.take("ada").remaining).collect();
        assert_eq!(remaining, [2, 1, 0]);
        let refused = buckets.take("ada");
        assert_eq!((refused.limit, refused.remaining), (3, 0));
        assert_eq!(refused.wait, Some(Duration::from_secs(10)));
        assert_eq!(buckets.take("bob").wait, None, "everyone has a bucket of their own");
        clock.advance(Duration::from_secs(10));
        assert_eq!(buckets.take("ada").wait, None);
        assert!(buckets.take("ada").wait.is_some());
        clock.advance(Duration::from_secs(30));
        let standing = buckets.take("ada");
        assert_eq!((standing.remaining, standing.reset), (2, Duration::from_secs(10)));
    }

    #[test]
    fn zero_requests_are_no_limit() {
        assert!(Buckets::<u8, _>::new(rate(0, 30), FakeRelativeClock::default()).is_none());
    }

    #[test]
    fn a_flood_of_strangers_is_forgotten_again() {
        let buckets = Buckets::new(rate(3, 30), FakeRelativeClock::default()).unwrap();
        for stranger in 0..MOST + 10_000 {
            buckets.take(stranger);
        }
        buckets.kept.run_pending_tasks();
        assert!(buckets.kept.entry_count() <= MOST);
    }
}
