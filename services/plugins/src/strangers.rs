//! Calls that anybody can make who knows the address of a hook.
//!
//! A plugin checks the signature of a webhook itself, so whatever a stranger sends reaches it. What such a call does
//! to it says little about the plugin: its stops count in its health, but neither rest nor quarantine it, or whoever
//! finds a request that breaks a limit could take it from everybody. What rests is the hook that they knew, for a
//! short while; services try again.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moka::ops::compute::Op;
use moka::sync::Cache;
use spine::Clock;
use uuid::Uuid;

/// After so many stops in a row a hook rests...
const REST_AFTER: u32 = 3;
/// ... first for so long, then twice as long each time...
const FIRST_REST: TimeDelta = TimeDelta::seconds(5);
/// ... up to this.
const LONGEST_REST: TimeDelta = TimeDelta::minutes(1);
/// Most hooks that are remembered, and how long after their last stop.
const MOST: u64 = 10_000;
const REMEMBERED: Duration = Duration::from_secs(3_600);

/// Hooks whose calls were stopped, in this process.
pub(crate) struct Strangers {
    clock: Clock,
    hooks: Cache<Uuid, Row>,
}

/// Stops in a row.
#[derive(Clone, Copy)]
struct Row {
    stops: u32,
    rests_until: Option<DateTime<Utc>>,
}

impl Strangers {
    pub(crate) fn new(clock: Clock) -> Self {
        let hooks = Cache::builder().max_capacity(MOST).time_to_live(REMEMBERED).build();
        Self { clock, hooks }
    }

    /// How long an account's hook still rests.
    pub(crate) fn rest(&self, account: Uuid) -> Option<Duration> {
        let until = self.hooks.get(&account)?.rests_until?;
        (until - self.clock.now()).to_std().ok().filter(|left| !left.is_zero())
    }

    /// Takes note of a call of an account's hook.
    pub(crate) fn note(&self, account: Uuid, was_stopped: bool) {
        let now = self.clock.now();
        self.hooks.entry(account).and_compute_with(|known| {
            if !was_stopped {
                return if known.is_some() { Op::Remove } else { Op::Nop };
            }
            let stops = known.map_or(0, |known| known.into_value().stops).saturating_add(1);
            let doublings = stops.checked_sub(REST_AFTER);
            let rest = |doublings: u32| (FIRST_REST * (1 << doublings.min(10))).min(LONGEST_REST);
            Op::Put(Row { stops, rests_until: doublings.map(|doublings| now + rest(doublings)) })
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_rests_for_a_while_and_no_other_with_it() {
        let clock = Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let strangers = Strangers::new(clock.clone());
        let (hook, other) = (Uuid::now_v7(), Uuid::now_v7());
        for _ in 0..2 {
            strangers.note(hook, true);
            assert_eq!(strangers.rest(hook), None);
        }
        strangers.note(hook, true);
        assert_eq!(strangers.rest(hook), Some(Duration::from_secs(5)));
        assert_eq!(strangers.rest(other), None);
        for _ in 0..100 {
            strangers.note(hook, true);
        }
        assert_eq!(strangers.rest(hook), Some(Duration::from_secs(60)), "never for longer");
        clock.advance(TimeDelta::minutes(1));
        assert_eq!(strangers.rest(hook), None);
        strangers.note(hook, false);
        strangers.note(hook, true);
        assert_eq!(strangers.rest(hook), None, "a call that ends by itself ends the row");
    }
}
