//! What the error of an attempt means for its job. No I/O.

use std::error::Error;
use std::time::Duration;

use super::JobError;
use super::perform::Outcome;
use crate::SpineError;
use crate::error::is_nobodys_fault;

/// A postponed job waits this long at least. Postponements are not counted, so that nothing else
/// would end a job that is always postponed by nothing.
const LEAST_POSTPONEMENT: Duration = Duration::from_secs(1);

/// What an error means for the job.
pub(super) fn judge(error: JobError, backoff: Duration) -> Outcome {
    match error {
        JobError::Retry(source) if is_lease_lost(source.as_ref()) => Outcome::Lost,
        JobError::Retry(source) if is_nobodys_fault(source.as_ref()) => {
            let reason = chain(source.as_ref());
            tracing::warn!(error = reason, "a job waits until the database takes it");
            hindered(reason)
        }
        JobError::Retry(source) => {
            Outcome::Failed { after: jittered(backoff), error: chain(source.as_ref()) }
        }
        JobError::RetryAfter { after, reason } => {
            Outcome::Postponed { after: after.max(LEAST_POSTPONEMENT), reason }
        }
        JobError::RetryNotBefore { after, reason } => {
            Outcome::Failed { after: after.max(jittered(backoff)), error: reason }
        }
        JobError::GiveUp(source) => Outcome::GaveUp { error: chain(source.as_ref()) },
    }
}

/// Nothing is wrong with the job: again in 2 to 5 s, however often. It consumes no attempt, or an
/// outage would make dead letters of all that was due meanwhile.
pub(super) fn hindered(reason: String) -> Outcome {
    let after = Duration::from_secs_f64(2.0 + 3.0 * rand::random::<f64>());
    Outcome::Postponed { after, reason }
}

fn is_lease_lost(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if matches!(error.downcast_ref(), Some(SpineError::LeaseLost(_))) {
            return true;
        }
        next = error.source();
    }
    false
}

/// Up to a quarter more, so that what failed together does not come back together.
fn jittered(backoff: Duration) -> Duration {
    backoff.mul_f64(1.0 + rand::random::<f64>() / 4.0)
}

pub(super) fn describe(error: &JobError) -> String {
    match error {
        JobError::Retry(source) | JobError::GiveUp(source) => chain(source.as_ref()),
        JobError::RetryAfter { .. } | JobError::RetryNotBefore { .. } => error.to_string(),
    }
}

/// An error with all its sources, as it is kept with the job.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobId;

    #[test]
    fn an_error_is_kept_with_its_sources() {
        let error = SpineError::Database(sqlx::Error::PoolTimedOut);
        let text = chain(&error);
        assert!(text.starts_with("the database failed: "), "{text}");
        assert!(text.contains("timed out"), "{text}");
    }

    #[test]
    fn a_lost_lease_is_recognised_behind_other_errors() {
        #[derive(Debug, thiserror::Error)]
        #[error("applying failed")]
        struct Applying(#[source] SpineError);

        let lost = JobError::retry(Applying(SpineError::LeaseLost(JobId::new())));
        assert!(matches!(judge(lost, Duration::ZERO), Outcome::Lost));
    }

    #[test]
    fn the_absence_of_the_database_postpones_for_some_seconds() {
        for _ in 0..100 {
            let away = JobError::retry(SpineError::Database(sqlx::Error::PoolTimedOut));
            let judged = judge(away, Duration::from_secs(3_600));
            let Outcome::Postponed { after, reason } = judged else { panic!("{judged:?}") };
            assert!((2.0..=5.0).contains(&after.as_secs_f64()), "{after:?}");
            assert!(reason.contains("timed out"), "{reason}");
        }
        let wrong = JobError::retry(SpineError::Database(sqlx::Error::RowNotFound));
        assert!(matches!(judge(wrong, Duration::ZERO), Outcome::Failed { .. }));
    }

    #[test]
    fn nobody_elsewhere_makes_a_job_run_faster_than_its_backoff() {
        let backoff = Duration::from_secs(60);
        for (asked, least) in [(0, 60), (59, 60), (3_600, 3_600)] {
            let after = Duration::from_secs(asked);
            let error = JobError::RetryNotBefore { after, reason: "busy".to_owned() };
            let Outcome::Failed { after, .. } = judge(error, backoff) else { panic!("{asked}") };
            assert!((least..=least + 15).contains(&after.as_secs()), "{asked}: {after:?}");
        }
        let postponed = JobError::RetryAfter { after: Duration::ZERO, reason: String::new() };
        let Outcome::Postponed { after, .. } = judge(postponed, backoff) else { panic!() };
        assert_eq!(after, LEAST_POSTPONEMENT);
    }

    #[test]
    fn jitter_never_shortens_a_backoff_and_adds_a_quarter_at_most() {
        for _ in 0..100 {
            let wait = jittered(Duration::from_secs(100));
            assert!((100..=125).contains(&wait.as_secs()), "{wait:?}");
        }
    }
}
