//! What failed lately, so that a stranger's nonsense costs one request and not a thousand.
//!
//! Memories, each bounded in number and in time: addresses that gave no document, hosts that gave
//! no answer or asked for a rest, and actors that were read again a moment ago.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::sync::Cache;
use spine::Clock;
use tokio::sync::{Mutex, OwnedMutexGuard};
use url::Url;

use super::hosts::domain_of;

/// An address that could not be read for a passing reason is not asked again for this long.
pub(crate) const PASSING: Duration = Duration::from_secs(60);
/// An address that answered with a refusal or nonsense is not asked again for this long.
const LASTING: Duration = Duration::from_secs(600);
/// A host that failed [`HOST_FAILURES`] times in a row is left alone for this long.
const HOST_REST: chrono::Duration = chrono::Duration::minutes(5);
/// So many failures in a row open a host's circuit breaker.
const HOST_FAILURES: u32 = 3;
/// A known actor is read again for the sake of a signature at most this often.
const REFETCH: chrono::Duration = chrono::Duration::minutes(5);

/// Entries of each memory: a stranger who invents addresses displaces the oldest ones.
const CAPACITY: u64 = 20_000;
/// After this long every entry is gone, whatever it said.
const LIFE: Duration = Duration::from_secs(3_600);

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No answer, or a server error: it may work later.
    Passing,
    /// A refusal, or something that is no such document.
    Lasting,
}

/// For how long something that failed is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rest {
    /// How it failed.
    pub(crate) failure: Failure,
    /// The time that is left.
    pub(crate) left: Duration,
}

#[derive(Clone, Copy)]
struct Resting {
    failure: Failure,
    until: DateTime<Utc>,
}

#[derive(Clone, Copy)]
struct HostState {
    failures: u32,
    open_until: Option<DateTime<Utc>>,
}

/// The memories of one process.
pub(crate) struct Failures {
    clock: Clock,
    addresses: Cache<String, Resting>,
    hosts: Cache<String, HostState>,
    refetched: Cache<String, DateTime<Utc>>,
    refreshed: Cache<String, DateTime<Utc>>,
    flights: Cache<String, Arc<Mutex<()>>>,
}

impl Failures {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            addresses: Cache::builder().max_capacity(CAPACITY).time_to_live(LIFE).build(),
            hosts: Cache::builder().max_capacity(CAPACITY).time_to_live(LIFE).build(),
            refetched: Cache::builder().max_capacity(CAPACITY).time_to_live(LIFE).build(),
            refreshed: Cache::builder().max_capacity(CAPACITY).time_to_live(LIFE).build(),
            flights: Cache::builder().max_capacity(CAPACITY).time_to_idle(LIFE).build(),
        }
    }

    /// Whether, and for how long, asking this address would be a waste: it, or its host, failed
    /// lately.
    pub(crate) fn resting(&self, url: &Url) -> Option<Rest> {
        let now = self.clock.now();
        let left =
            |until: DateTime<Utc>| (until - now).to_std().ok().filter(|left| !left.is_zero());
        let address = self.addresses.get(url.as_str()).and_then(|address| {
            Some(Rest { failure: address.failure, left: left(address.until)? })
        });
        let host = || {
            let state = self.hosts.get(&domain_of(url)?)?;
            Some(Rest { failure: Failure::Passing, left: left(state.open_until?)? })
        };
        address.or_else(host)
    }

    /// Remembers that this address gave no document.
    pub(crate) fn note_failure(&self, url: &Url, failure: Failure) {
        let now = self.clock.now();
        let rest = match failure {
            Failure::Passing => PASSING,
            Failure::Lasting => LASTING,
        };
        self.addresses.insert(url.as_str().to_owned(), Resting { failure, until: now + rest });
        // A refusal is an answer: the host is well.
        if failure == Failure::Passing
            && let Some(domain) = domain_of(url)
        {
            let failures = self.failures_of(&domain).saturating_add(1);
            let open_until = (failures >= HOST_FAILURES).then_some(now + HOST_REST);
            self.hosts.insert(domain, HostState { failures, open_until });
        }
    }

    /// Remembers that a host asked for a rest when this address was asked for. It is left alone for
    /// as long as it says, at most for as long as anything is remembered here.
    pub(crate) fn note_wait(&self, url: &Url, wait: Duration) {
        let (now, wait) = (self.clock.now(), wait.min(LIFE));
        let resting = Resting { failure: Failure::Passing, until: now + wait.max(PASSING) };
        self.addresses.insert(url.as_str().to_owned(), resting);
        if let Some(domain) = domain_of(url) {
            let failures = self.failures_of(&domain);
            self.hosts.insert(domain, HostState { failures, open_until: Some(now + wait) });
        }
    }

    fn failures_of(&self, domain: &str) -> u32 {
        self.hosts.get(domain).map_or(0, |state| state.failures)
    }

    /// Remembers that this address, and thereby its host, is well.
    pub(crate) fn note_success(&self, url: &Url) {
        self.addresses.invalidate(url.as_str());
        if let Some(domain) = domain_of(url) {
            self.hosts.invalidate(&domain);
        }
    }

    /// Whether a known actor may be read again because a signature did not fit its known key; at
    /// most one caller in five minutes hears yes.
    pub(crate) fn may_refetch(&self, actor: &str) -> bool {
        self.is_first(&self.refetched, actor)
    }

    /// Takes such a yes back: its host could not be asked, so that nothing was learned.
    pub(crate) fn forget_refetch(&self, actor: &str) {
        self.refetched.invalidate(actor);
    }

    /// Whether a known actor may be read again because it is old; at most one caller in five
    /// minutes hears yes.
    pub(crate) fn may_refresh(&self, actor: &str) -> bool {
        self.is_first(&self.refreshed, actor)
    }

    fn is_first(&self, memory: &Cache<String, DateTime<Utc>>, actor: &str) -> bool {
        let now = self.clock.now();
        if memory.get(actor).is_some_and(|until| until > now) {
            return false;
        }
        memory.insert(actor.to_owned(), now + REFETCH);
        true
    }

    /// Waits until nobody else fetches this address. Whoever waited looks first whether the other
    /// brought what it wants.
    pub(crate) async fn fly_alone(&self, address: &str) -> OwnedMutexGuard<()> {
        self.flights.get_with(address.to_owned(), Arc::default).lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_failed_address_rests_and_is_then_asked_again() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        let failures = Failures::new(clock.clone());
        let address = url("https://a.example/users/x");
        failures.note_failure(&address, Failure::Lasting);
        assert!(failures.resting(&address).is_some());
        assert!(failures.resting(&url("https://a.example/users/y")).is_none());
        clock.advance(chrono::Duration::seconds(601));
        assert!(failures.resting(&address).is_none());
    }

    #[test]
    fn three_silences_close_a_host_and_one_answer_opens_it() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        let failures = Failures::new(clock.clone());
        for path in ["1", "2", "3"] {
            let address = url(&format!("https://a.example/{path}"));
            assert!(failures.resting(&address).is_none());
            failures.note_failure(&address, Failure::Passing);
        }
        assert!(failures.resting(&url("https://a.example/4")).is_some());
        assert!(failures.resting(&url("https://b.example/4")).is_none());
        failures.note_success(&url("https://a.example/5"));
        assert!(failures.resting(&url("https://a.example/4")).is_none());
    }

    #[test]
    fn a_host_rests_for_as_long_as_it_asks_but_not_for_ever() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        let failures = Failures::new(clock.clone());
        failures.note_wait(&url("https://a.example/1"), Duration::from_secs(600));
        let rest = failures.resting(&url("https://a.example/2"));
        let left = Duration::from_secs(600);
        assert_eq!(rest, Some(Rest { failure: Failure::Passing, left }));
        clock.advance(chrono::Duration::seconds(599));
        let rest = failures.resting(&url("https://a.example/1")).map(|rest| rest.left);
        assert_eq!(rest, Some(Duration::from_secs(1)));
        clock.advance(chrono::Duration::seconds(1));
        assert_eq!(failures.resting(&url("https://a.example/1")), None);
        failures.note_wait(&url("https://a.example/1"), Duration::from_secs(86_400));
        clock.advance(chrono::Duration::hours(1));
        assert_eq!(failures.resting(&url("https://a.example/1")), None);
    }

    #[test]
    fn an_actor_is_read_again_once_in_five_minutes() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        let failures = Failures::new(clock.clone());
        assert!(failures.may_refetch("https://a.example/users/x"));
        assert!(!failures.may_refetch("https://a.example/users/x"));
        clock.advance(REFETCH + chrono::Duration::seconds(1));
        assert!(failures.may_refetch("https://a.example/users/x"));
    }
}
