//! How much reading the signatures of one client may cost, where it comes to nothing.
//!
//! Anybody can post activities of ever new actors on a host that he does not like, and each has us
//! ask that host for a key. Whoever sends so many that cannot be checked is told to wait before
//! anything else is read for him; Mastodon has such a breaker too. What is good costs nothing, and
//! known signers need no reading.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::sync::Cache;
use spine::Clock;

/// So many signers of one client may be impossible to check in [`WINDOW`].
const FAILURES: u32 = 10;
/// So many are read for one client at the same time: a large server brings many new people at once.
const UNDER_WAY: u32 = 32;
/// After this long failures are forgotten.
const WINDOW: chrono::Duration = chrono::Duration::minutes(5);
/// Whoever has too many under way may come back after this long.
const MOMENT: Duration = Duration::from_secs(30);

/// Clients remembered; a flood of addresses displaces those that were seen once.
const CAPACITY: u64 = 20_000;
/// After this long without a request a client is forgotten; longer than [`WINDOW`].
const LIFE: Duration = Duration::from_secs(600);

/// The clients of one process.
pub(crate) struct Strangers {
    clock: Clock,
    clients: Cache<IpAddr, Arc<Mutex<Account>>>,
}

/// What one client cost.
struct Account {
    since: DateTime<Utc>,
    failures: u32,
    under_way: u32,
}

/// A signer that is being read for a client. It counts as failed unless it is told otherwise.
#[derive(Default)]
pub(crate) struct Reading(Option<Arc<Mutex<Account>>>);

impl Strangers {
    pub(crate) fn new(clock: Clock) -> Self {
        let clients = Cache::builder().max_capacity(CAPACITY).time_to_idle(LIFE).build();
        Self { clock, clients }
    }

    /// Begins to read a signer for a client; nobody in particular may read as much as he wants.
    ///
    /// # Errors
    /// It has cost enough: how long it has to wait.
    pub(crate) fn begin(&self, client: Option<IpAddr>) -> Result<Reading, Duration> {
        let Some(client) = client else { return Ok(Reading::default()) };
        let now = self.clock.now();
        let shared = self.clients.get_with(client, || {
            Arc::new(Mutex::new(Account { since: now, failures: 0, under_way: 0 }))
        });
        {
            let mut account = lock(&shared);
            let end = account.since + WINDOW;
            if end <= now {
                account.since = now;
                account.failures = 0;
            } else if account.failures >= FAILURES {
                return Err((end - now).to_std().unwrap_or_default());
            }
            if account.under_way >= UNDER_WAY {
                return Err(MOMENT);
            }
            account.under_way += 1;
        }
        Ok(Reading(Some(shared)))
    }
}

impl Reading {
    /// Does not count it: it was good, or cost nothing, or failed through no fault of the client's.
    pub(crate) fn forgive(mut self) {
        if let Some(account) = self.0.take() {
            let mut account = lock(&account);
            account.under_way = account.under_way.saturating_sub(1);
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(account) = self.0.take() {
            let mut account = lock(&account);
            account.under_way = account.under_way.saturating_sub(1);
            account.failures = account.failures.saturating_add(1);
        }
    }
}

fn lock(account: &Mutex<Account>) -> MutexGuard<'_, Account> {
    account.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u8) -> Option<IpAddr> {
        Some(IpAddr::from([203, 0, 113, number]))
    }

    #[test]
    fn a_client_whose_signers_fail_waits_until_that_is_forgotten() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        let strangers = Strangers::new(clock.clone());
        for _ in 0..FAILURES {
            strangers.begin(client(1)).unwrap().forgive();
            drop(strangers.begin(client(1)).unwrap());
        }
        let wait = strangers.begin(client(1)).err();
        assert_eq!(wait, WINDOW.to_std().ok());
        assert!(strangers.begin(client(2)).is_ok(), "others are not held back");
        clock.advance(WINDOW);
        assert!(strangers.begin(client(1)).is_ok());
    }

    #[test]
    fn a_client_has_so_many_under_way_and_then_more() {
        let strangers = Strangers::new(Clock::manual(DateTime::UNIX_EPOCH));
        let mut readings: Vec<Reading> =
            (0..UNDER_WAY).map(|_| strangers.begin(client(1)).unwrap()).collect();
        assert_eq!(strangers.begin(client(1)).err(), Some(MOMENT));
        readings.pop().unwrap().forgive();
        assert!(strangers.begin(client(1)).is_ok());
    }

    #[test]
    fn a_flood_of_addresses_is_forgotten_again() {
        let strangers = Strangers::new(Clock::manual(DateTime::UNIX_EPOCH));
        for number in 0..30_000_u32 {
            drop(strangers.begin(Some(IpAddr::from(number.to_be_bytes()))).unwrap());
        }
        strangers.clients.run_pending_tasks();
        assert!(strangers.clients.entry_count() <= CAPACITY);
    }
}
