//! A circuit breaker a host: whoever does not answer is left alone for a while, and in the end for
//! good.
//!
//! Ten failures in a row open it for five minutes, each further one for longer, at most an hour.
//! When the time is over, one delivery at a time tries; its success closes the breaker. A host whose
//! deliveries failed on seven days is given up: it is no recipient any more, and what waits for it
//! ends. An activity from it ends both. The state is in `social.remote_host`, so that all processes
//! share it and a restart forgets nothing; rows have a cap and an end ([`super::prune`]), so that a
//! host given up is met anew when two months are over.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::future::Cache;
use spine::Spine;

use crate::SocialError;
use crate::store::write_outbound::{self as store, HostRow};

/// So many failures in a row open a breaker.
const MOST_FAILURES: i32 = 10;
/// How long it is open at first, in minutes.
const FIRST_REST: i64 = 5;
/// How long it is open at most, in minutes.
const LONGEST_REST: i64 = 60;
/// How long a try may take before another may try, in seconds.
const PROBE: i64 = 60;
/// A host's success is written down at most this often, in minutes.
const SUCCESS_NOTED: i64 = 60;

/// Hosts kept in memory.
const CAPACITY: u64 = 10_000;
/// How long what another process learned may stay unknown here.
const LIFE: Duration = Duration::from_secs(30);
/// How long the list of failing hosts serves; whoever writes meanwhile is noticed the next time.
const LIST_LIFE: Duration = Duration::from_secs(60);

/// A host whose deliveries failed on so many days is given up, as Mastodon does.
pub(super) const GIVEN_UP: i32 = 7;

#[derive(Clone, Copy, Debug, Default)]
struct Health {
    failures: i32,
    failing_days: i32,
    open_until: Option<DateTime<Utc>>,
    success_noted: Option<DateTime<Utc>>,
}

impl Health {
    fn is_given_up(&self) -> bool {
        self.failing_days >= GIVEN_UP
    }

    /// Whether nothing keeps deliveries from it.
    fn is_open_to_us(&self) -> bool {
        self.open_until.is_none() && !self.is_given_up()
    }
}

impl From<HostRow> for Health {
    fn from(row: HostRow) -> Self {
        let HostRow { failures, failing_days, open_until } = row;
        Self { failures, failing_days, open_until, success_noted: None }
    }
}

/// Whether a delivery may try a host now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Yes.
    Try,
    /// Not before this time has passed.
    Wait(Duration),
    /// No: the host is given up.
    Never,
}

/// Hosts of which this process believes that they fail.
type Failing = Arc<Mutex<HashSet<String>>>;

/// What one process knows of hosts.
pub(crate) struct HostHealth {
    known: Cache<String, Health>,
    failing: Cache<(), Failing>,
}

impl HostHealth {
    pub(crate) fn new() -> Self {
        Self {
            known: Cache::builder().max_capacity(CAPACITY).time_to_live(LIFE).build(),
            failing: Cache::builder().max_capacity(1).time_to_live(LIST_LIFE).build(),
        }
    }

    /// Whether a delivery may try this host now.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn admit(&self, spine: &Spine, host: &str) -> sqlx::Result<Admission> {
        let now = spine.clock().now();
        let health = self.health(spine, host).await?;
        if health.is_given_up() {
            return Ok(Admission::Never);
        }
        let Some(until) = health.open_until else { return Ok(Admission::Try) };
        if until > now {
            return Ok(Admission::Wait((until - now).to_std().unwrap_or_default()));
        }
        let next = now + chrono::Duration::seconds(PROBE);
        let mine = store::take_probe(spine.pool(), host, now, next).await?;
        self.known.invalidate(host).await;
        Ok(if mine {
            Admission::Try
        } else {
            Admission::Wait(Duration::from_secs(PROBE.unsigned_abs()))
        })
    }

    /// Notes that a host answered, whatever it said.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn answered(&self, spine: &Spine, host: &str) -> sqlx::Result<()> {
        let now = spine.clock().now();
        let health = self.health(spine, host).await?;
        let noted = health
            .success_noted
            .is_some_and(|at| now - at < chrono::Duration::minutes(SUCCESS_NOTED));
        if noted && health.failures == 0 && health.is_open_to_us() {
            return Ok(());
        }
        store::host_answered(spine.pool(), host, now).await?;
        let health = Health { success_noted: Some(now), ..Health::default() };
        self.known.insert(host.to_owned(), health).await;
        Ok(())
    }

    /// Notes that a host wrote to us, verified: it is there, so deliveries try it again. Costs a
    /// statement only where this process believes that the host fails, and then one.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn wrote(&self, spine: &Spine, host: &str) -> Result<(), SocialError> {
        let load = async {
            let hosts = store::failing_hosts(spine.pool()).await?;
            Ok(Arc::new(Mutex::new(hosts.into_iter().collect())))
        };
        let failing = self.failing.try_get_with((), load).await;
        let failing: Failing = failing.map_err(shared_failure)?;
        if !failing.lock().unwrap_or_else(PoisonError::into_inner).remove(host) {
            return Ok(());
        }
        store::host_wrote(spine.pool(), host, spine.clock().now()).await?;
        self.known.invalidate(host).await;
        tracing::info!(host, "a host that did not answer writes: deliveries try it again");
        Ok(())
    }

    /// Notes that a host did not answer, or that it is broken.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn failed(&self, spine: &Spine, host: &str) -> sqlx::Result<()> {
        let now = spine.clock().now();
        let mut health = Health::from(store::host_failed(spine.pool(), host, now).await?);
        if let Some(failing) = self.failing.get(&()).await {
            failing.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned());
        }
        let failures = health.failures;
        if health.is_given_up() {
            tracing::info!(host, days = health.failing_days, "a host stays away: it is given up");
        } else if failures >= MOST_FAILURES {
            let until = now + chrono::Duration::minutes(rest(failures));
            store::open_breaker(spine.pool(), host, until).await?;
            health.open_until = Some(until);
            tracing::info!(host, failures, %until, "a host does not answer and is left alone");
        }
        self.known.insert(host.to_owned(), health).await;
        Ok(())
    }

    /// What keeps deliveries from a host is asked each time: another process may have heard from it
    /// meanwhile.
    async fn health(&self, spine: &Spine, host: &str) -> sqlx::Result<Health> {
        if let Some(health) = self.known.get(host).await
            && health.is_open_to_us()
        {
            return Ok(health);
        }
        let health = store::host(spine.pool(), host).await?.map(Health::from).unwrap_or_default();
        self.known.insert(host.to_owned(), health).await;
        Ok(health)
    }
}

/// What befell the one that read for all who waited.
fn shared_failure(error: Arc<sqlx::Error>) -> SocialError {
    SocialError::Store(Arc::try_unwrap(error).unwrap_or(sqlx::Error::PoolTimedOut))
}

/// Minutes of rest after so many failures in a row: doubling from the tenth on.
fn rest(failures: i32) -> i64 {
    let beyond = u32::try_from(failures - MOST_FAILURES).unwrap_or(0).min(10);
    (FIRST_REST << beyond).min(LONGEST_REST)
}

#[cfg(test)]
mod tests {
    use super::rest;

    #[test]
    fn a_host_rests_longer_and_longer_but_never_for_ever() {
        assert_eq!([10, 11, 12, 13, 14, 1_000].map(rest), [5, 10, 20, 40, 60, 60]);
    }
}
