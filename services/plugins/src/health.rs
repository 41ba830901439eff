//! How plugins do, and what follows: a rest after a few stops in a row, quarantine after many.
//!
//! A stop is a broken limit, a trap or an unacceptable answer. What a guest says about itself (a refused
//! token, a service that is away) counts as a failure and has no consequence here: it concerns one account.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use spine::Clock;
use utoipa::ToSchema;

/// After so many stops in a row a plugin rests...
const REST_AFTER: u32 = 3;
/// ... first for so long, then twice as long each time...
const FIRST_REST: TimeDelta = TimeDelta::seconds(10);
/// ... up to this.
const LONGEST_REST: TimeDelta = TimeDelta::minutes(10);
/// After so many it is quarantined.
pub(crate) const QUARANTINE_AFTER: u32 = 10;
/// Latencies are counted by powers of two of 0.1 ms: the last is what took longer than a minute and a half.
pub(crate) const BUCKETS: usize = 21;

/// The books of this process.
pub(crate) struct Health {
    clock: Clock,
    books: Mutex<HashMap<String, Book>>,
}

#[derive(Default)]
struct Book {
    /// What was not written to the database yet.
    unwritten: Counts,
    stops_in_a_row: u32,
    resting_until: Option<DateTime<Utc>>,
}

/// Counted calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) calls: i64,
    pub(crate) failures: i64,
    pub(crate) stops: i64,
    pub(crate) latency: Vec<i64>,
    pub(crate) last_error: Option<(String, DateTime<Utc>)>,
    pub(crate) last_call_at: Option<DateTime<Utc>>,
}

/// How a call went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Went {
    Well,
    /// The guest says why not.
    Failed(String),
    /// It was stopped.
    Stopped(String),
}

/// What follows from a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consequence {
    None,
    Rest,
    Quarantine,
}

/// How a plugin does.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct HealthView {
    /// Calls so far.
    pub calls: i64,
    /// Calls of which the plugin said that it could not.
    pub failures: i64,
    /// Calls that broke a limit or trapped.
    pub stops: i64,
    /// Which part of the calls went well, 0 to 1; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_rate: Option<f64>,
    /// Half of the calls took at most so long, in milliseconds (to a power of two).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// 99 of 100 calls took at most so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error_at: Option<DateTime<Utc>>,
    /// When it was called last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_call_at: Option<DateTime<Utc>>,
    /// Stops in a row, in the process that answers.
    pub stops_in_a_row: u32,
    /// Until when it is not called, in the process that answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resting_until: Option<DateTime<Utc>>,
}

impl Health {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, books: Mutex::new(HashMap::new()) }
    }

    /// How long a plugin still rests.
    pub(crate) fn rest(&self, plugin: &str) -> Option<Duration> {
        let until = self.books().get(plugin)?.resting_until?;
        (until - self.clock.now()).to_std().ok().filter(|left| !left.is_zero())
    }

    /// Takes note of a call.
    pub(crate) fn note(&self, plugin: &str, took: Duration, went: Went) -> Consequence {
        let now = self.clock.now();
        let mut books = self.books();
        let book = match books.get_mut(plugin) {
            Some(book) => book,
            None => books.entry(plugin.to_owned()).or_default(),
        };
        book.unwritten.count(took, &went, now);
        if !matches!(went, Went::Stopped(_)) {
            book.stops_in_a_row = 0;
            book.resting_until = None;
            return Consequence::None;
        }
        book.stops_in_a_row = book.stops_in_a_row.saturating_add(1);
        if book.stops_in_a_row >= QUARANTINE_AFTER {
            return Consequence::Quarantine;
        }
        if book.stops_in_a_row < REST_AFTER {
            return Consequence::None;
        }
        let doublings = book.stops_in_a_row - REST_AFTER;
        book.resting_until = Some(now + (FIRST_REST * (1 << doublings)).min(LONGEST_REST));
        Consequence::Rest
    }

    /// Takes note of a call without consequences.
    pub(crate) fn count(&self, plugin: &str, took: Duration, went: &Went) {
        let now = self.clock.now();
        self.books().entry(plugin.to_owned()).or_default().unwritten.count(took, went, now);
    }

    /// Somebody enabled it again, or it has another version: it begins anew.
    pub(crate) fn begin_anew(&self, plugin: &str) {
        if let Some(book) = self.books().get_mut(plugin) {
            book.stops_in_a_row = 0;
            book.resting_until = None;
        }
    }

    /// It is gone.
    pub(crate) fn forget(&self, plugin: &str) {
        self.books().remove(plugin);
    }

    /// What is to be added to the database. Given back with [`Health::put_back`] should that fail.
    pub(crate) fn take_unwritten(&self) -> Vec<(String, Counts)> {
        self.books()
            .iter_mut()
            .filter(|(_, book)| book.unwritten.calls > 0)
            .map(|(plugin, book)| (plugin.clone(), std::mem::take(&mut book.unwritten)))
            .collect()
    }

    pub(crate) fn put_back(&self, counts: Vec<(String, Counts)>) {
        let mut books = self.books();
        for (plugin, counts) in counts {
            let book = books.entry(plugin).or_default();
            let newer = std::mem::replace(&mut book.unwritten, counts);
            book.unwritten.add(newer);
        }
    }

    /// How a plugin does, with what the database holds.
    pub(crate) fn view(&self, plugin: &str, written: Option<Counts>) -> HealthView {
        let mut counts = written.unwrap_or_default();
        let books = self.books();
        let book = books.get(plugin);
        if let Some(book) = book {
            counts.add(book.unwritten.clone());
        }
        let went_well = counts.calls - counts.failures - counts.stops;
        let (last_error, last_error_at) = counts.last_error.clone().unzip();
        HealthView {
            calls: counts.calls,
            failures: counts.failures,
            stops: counts.stops,
            success_rate: (counts.calls > 0).then(|| went_well as f64 / counts.calls as f64),
            p50_ms: counts.percentile(50),
            p99_ms: counts.percentile(99),
            last_error,
            last_error_at,
            last_call_at: counts.last_call_at,
            stops_in_a_row: book.map_or(0, |book| book.stops_in_a_row),
            resting_until: book
                .and_then(|book| book.resting_until)
                .filter(|until| *until > self.clock.now()),
        }
    }

    fn books(&self) -> MutexGuard<'_, HashMap<String, Book>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn count(&mut self, took: Duration, went: &Went, now: DateTime<Utc>) {
        self.calls += 1;
        self.last_call_at = Some(now);
        if self.latency.len() != BUCKETS {
            self.latency.resize(BUCKETS, 0);
        }
        let tenths = took.as_micros() / 100;
        let bucket = (u128::BITS - tenths.leading_zeros()) as usize;
        self.latency[bucket.min(BUCKETS - 1)] += 1;
        match went {
            Went::Well => {}
            Went::Failed(reason) => {
                self.failures += 1;
                self.last_error = Some((reason.clone(), now));
            }
            Went::Stopped(reason) => {
                self.stops += 1;
                self.last_error = Some((reason.clone(), now));
            }
        }
    }

    /// Adds later ones.
    fn add(&mut self, later: Self) {
        self.calls += later.calls;
        self.failures += later.failures;
        self.stops += later.stops;
        self.latency.resize(BUCKETS, 0);
        for (sum, later) in self.latency.iter_mut().zip(later.latency) {
            *sum += later;
        }
        self.last_error = later.last_error.or(self.last_error.take());
        self.last_call_at = later.last_call_at.or(self.last_call_at);
    }

    /// The upper edge of the bucket in which so many of a hundred calls have ended.
    fn percentile(&self, percent: i64) -> Option<f64> {
        let total: i64 = self.latency.iter().sum();
        let mut left = (total * percent + 99) / 100;
        for (bucket, count) in self.latency.iter().enumerate() {
            left -= count;
            if left <= 0 && total > 0 {
                return Some(f64::from(1_u32 << bucket) / 10.0);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(3);

    fn stop() -> Went {
        Went::Stopped("it trapped".to_owned())
    }

    #[test]
    fn stops_in_a_row_lead_to_rests_and_then_to_quarantine() {
        let clock = Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let health = Health::new(clock.clone());
        assert_eq!(health.note("a", SHORT, stop()), Consequence::None);
        assert_eq!(health.note("a", SHORT, stop()), Consequence::None);
        assert_eq!(health.note("a", SHORT, stop()), Consequence::Rest);
        assert_eq!(health.rest("a"), Some(Duration::from_secs(10)));
        assert_eq!(health.rest("b"), None);
        clock.advance(TimeDelta::seconds(10));
        assert_eq!(health.rest("a"), None);
        for _ in 4..QUARANTINE_AFTER {
            assert_eq!(health.note("a", SHORT, stop()), Consequence::Rest);
        }
        assert_eq!(health.note("a", SHORT, stop()), Consequence::Quarantine);
    }

    #[test]
    fn a_call_that_ends_by_itself_ends_the_row() {
        let health = Health::new(Clock::system());
        for _ in 0..50 {
            health.note("a", SHORT, stop());
            health.note("a", SHORT, Went::Failed("away".to_owned()));
        }
        assert_eq!(health.rest("a"), None);
        let view = health.view("a", None);
        assert_eq!((view.calls, view.failures, view.stops), (100, 50, 50));
        assert_eq!(view.last_error.as_deref(), Some("away"));
    }

    #[test]
    fn latencies_are_told_by_their_bucket() {
        let health = Health::new(Clock::system());
        for _ in 0..98 {
            health.note("a", SHORT, Went::Well);
        }
        for _ in 0..2 {
            health.note("a", Duration::from_secs(2), Went::Well);
        }
        let view = health.view("a", None);
        assert_eq!((view.p50_ms, view.p99_ms), (Some(3.2), Some(3_276.8)));
        assert_eq!(view.success_rate, Some(1.0));
    }

    #[test]
    fn what_could_not_be_written_is_not_lost() {
        let health = Health::new(Clock::system());
        health.note("a", SHORT, Went::Well);
        let taken = health.take_unwritten();
        assert_eq!(health.view("a", None).calls, 0);
        health.note("a", SHORT, Went::Well);
        health.put_back(taken);
        assert_eq!(health.view("a", None).calls, 2);
    }
}
