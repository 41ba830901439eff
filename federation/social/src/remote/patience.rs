//! For how long a job goes on asking another server for what it needs.
//!
//! A server that was restarted, or is short of breath, is there again in minutes or hours; what was
//! acknowledged must not be lost to that. So a failed attempt waits as long as a delivery would,
//! about a day in all. What the memory of failures forbids is not even tried: such a wait is no
//! attempt, and its end is a time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use spine::{JobError, JobRun};

use super::RemoteError;
use super::error::describe;

/// Attempts: with [`backoff`] they spread over about a day.
pub(crate) const ATTEMPTS: u16 = 14;
/// Waits that are no attempts end after this long.
const LONGEST: chrono::Duration = chrono::Duration::hours(36);
/// A wait is never so short that the same memory still forbids.
const SHORTEST: Duration = Duration::from_secs(1);

/// n⁴ + 15 seconds, as deliveries wait: 16 s, 31 s, 96 s, …, 8 h.
pub(crate) fn backoff(attempt: u16) -> Duration {
    Duration::from_secs(u64::from(attempt.min(ATTEMPTS)).pow(4) + 15)
}

/// When a job comes back to what failed. `None`: it goes on without, because waiting is of no use
/// or was long enough. `since`: when the job was scheduled; one that does not know has only its
/// attempts.
pub(crate) fn later(
    error: &RemoteError,
    run: &JobRun,
    since: Option<DateTime<Utc>>,
) -> Option<JobError> {
    if !error.is_passing() {
        return None;
    }
    let waited = since.map(|since| run.spine().clock().now() - since);
    match (error.rest(), waited) {
        (Some(left), Some(waited)) => (waited < LONGEST)
            .then(|| JobError::RetryAfter { after: left.max(SHORTEST), reason: describe(error) }),
        _ => (run.attempt() < ATTEMPTS).then(|| JobError::retry(describe(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_spread_over_about_a_day() {
        let total: Duration = (1..ATTEMPTS).map(backoff).sum();
        let hours = total.as_secs() / 3_600;
        assert!((22..30).contains(&hours), "{hours} h");
    }
}
