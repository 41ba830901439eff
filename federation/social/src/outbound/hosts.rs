//! A circuit breaker a host: whoever does not answer is left alone for a while.
//!
//! Ten failures in a row open it for five minutes, each further one for longer, at most an hour.
//! When the time is over, one delivery at a time tries; its success closes the breaker. The state is
//! in `social.remote_host`, so that all processes share it and a restart forgets nothing; rows have
//! a cap and an end ([`super::prune`]).

use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::future::Cache;
use spine::Spine;

use crate::store::write_outbound as store;

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

#[derive(Clone, Copy, Debug, Default)]
struct Health {
    failures: i32,
    open_until: Option<DateTime<Utc>>,
    success_noted: Option<DateTime<Utc>>,
}

/// Whether a delivery may try a host now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Yes.
    Try,
    /// Not before this time has passed.
    Wait(Duration),
}

/// What one process knows of hosts.
pub(crate) struct HostHealth(Cache<String, Health>);

impl HostHealth {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(CAPACITY).time_to_live(LIFE).build())
    }

    /// Whether a delivery may try this host now.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn admit(&self, spine: &Spine, host: &str) -> sqlx::Result<Admission> {
        let now = spine.clock().now();
        let health = self.health(spine, host).await?;
        let Some(until) = health.open_until else { return Ok(Admission::Try) };
        if until > now {
            return Ok(Admission::Wait((until - now).to_std().unwrap_or_default()));
        }
        let next = now + chrono::Duration::seconds(PROBE);
        let mine = store::take_probe(spine.pool(), host, now, next).await?;
        self.0.invalidate(host).await;
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
        if noted && health.failures == 0 && health.open_until.is_none() {
            return Ok(());
        }
        store::host_answered(spine.pool(), host, now).await?;
        let health = Health { success_noted: Some(now), ..Health::default() };
        self.0.insert(host.to_owned(), health).await;
        Ok(())
    }

    /// Notes that a host did not answer, or that it is broken.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn failed(&self, spine: &Spine, host: &str) -> sqlx::Result<()> {
        let now = spine.clock().now();
        let failures = store::host_failed(spine.pool(), host, now).await?;
        let mut open_until = None;
        if failures >= MOST_FAILURES {
            let until = now + chrono::Duration::minutes(rest(failures));
            store::open_breaker(spine.pool(), host, until).await?;
            open_until = Some(until);
            tracing::info!(host, failures, %until, "a host does not answer and is left alone");
        }
        let health = Health { failures, open_until, success_noted: None };
        self.0.insert(host.to_owned(), health).await;
        Ok(())
    }

    async fn health(&self, spine: &Spine, host: &str) -> sqlx::Result<Health> {
        if let Some(health) = self.0.get(host).await {
            return Ok(health);
        }
        let row = store::host(spine.pool(), host).await?;
        let health = row.map_or_else(Health::default, |row| Health {
            failures: row.failures,
            open_until: row.open_until,
            success_noted: None,
        });
        self.0.insert(host.to_owned(), health).await;
        Ok(health)
    }
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
