//! What failed lately, so that a stranger's nonsense costs one request and not a thousand.
//!
//! Memories, each bounded in number and in time: addresses that gave no document, hosts that
//! gave no answer, and actors that were read again a moment ago.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::sync::Cache;
use spine::Clock;
use tokio::sync::{Mutex, OwnedMutexGuard};
use url::Url;

use super::hosts::domain_of;

/// An address that could not be read for a passing reason is not asked again for this long.
const PASSING: chrono::Duration = chrono::Duration::seconds(60);
/// An address that answered with a refusal or nonsense is not asked again for this long.
const LASTING: chrono::Duration = chrono::Duration::minutes(10);
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

#[derive(Clone, Copy)]
struct HostState {
    failures: u32,
    open_until: Option<DateTime<Utc>>,
}

/// The memories of one process.
pub(crate) struct Failures {
    clock: Clock,
    addresses: Cache<String, DateTime<Utc>>,
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

    /// Whether asking this address now would be a waste: it, or its host, failed lately.
    pub(crate) fn forbids(&self, url: &Url) -> bool {
        let now = self.clock.now();
        if self.addresses.get(url.as_str()).is_some_and(|until| until > now) {
            return true;
        }
        domain_of(url)
            .and_then(|domain| self.hosts.get(&domain))
            .and_then(|state| state.open_until)
            .is_some_and(|until| until > now)
    }

    /// Remembers that this address gave no document.
    pub(crate) fn note_failure(&self, url: &Url, failure: Failure) {
        let now = self.clock.now();
        let rest = match failure {
            Failure::Passing => PASSING,
            Failure::Lasting => LASTING,
        };
        self.addresses.insert(url.as_str().to_owned(), now + rest);
        // A refusal is an answer: the host is well.
        if failure == Failure::Passing
            && let Some(domain) = domain_of(url)
        {
            let before = self.hosts.get(&domain).map_or(0, |state| state.failures);
            let failures = before.saturating_add(1);
            let open_until = (failures >= HOST_FAILURES).then_some(now + HOST_REST);
            self.hosts.insert(domain, HostState { failures, open_until });
        }
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
        assert!(failures.forbids(&address));
        assert!(!failures.forbids(&url("https://a.example/users/y")));
        clock.advance(LASTING + chrono::Duration::seconds(1));
        assert!(!failures.forbids(&address));
    }

    #[test]
    fn three_silences_close_a_host_and_one_answer_opens_it() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        let failures = Failures::new(clock.clone());
        for path in ["1", "2", "3"] {
            let address = url(&format!("https://a.example/{path}"));
            assert!(!failures.forbids(&address));
            failures.note_failure(&address, Failure::Passing);
        }
        assert!(failures.forbids(&url("https://a.example/4")));
        assert!(!failures.forbids(&url("https://b.example/4")));
        failures.note_success(&url("https://a.example/5"));
        assert!(!failures.forbids(&url("https://a.example/4")));
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
