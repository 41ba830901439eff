//! Performing claimed jobs: from payloads to outcomes, whatever the job's code does.

use std::any::Any;
use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;

use super::complete::{complete_many, lost_claims};
use super::{BatchJob, Claimed, Completion, Job, JobError, JobRun};
use crate::{Cause, JobId, Spine, SpineError};

/// A postponed job waits this long at least. Postponements are not counted, so that nothing else
/// would end a job that is always postponed by nothing.
const LEAST_POSTPONEMENT: Duration = Duration::from_secs(1);

/// A claimed job, ready to be performed.
#[derive(Debug)]
pub(crate) struct Assignment {
    pub(crate) id: JobId,
    pub(crate) claim: i32,
    pub(crate) failures: u16,
    pub(crate) max_attempts: u16,
    pub(crate) key: Option<String>,
    pub(crate) payload: String,
    pub(crate) cause: Cause,
}

/// How one attempt ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Done; the worker completes it.
    Done,
    /// Done and completed, in the transaction of its effects.
    Completed,
    /// Failed: again after this time, unless it was the last attempt.
    Failed { after: Duration, error: String },
    /// Again after this time; it does not count as a failed attempt.
    Postponed { after: Duration, reason: String },
    /// Never again.
    GaveUp { error: String },
    /// Another worker has it: nothing to write.
    Lost,
    /// It was not started, or stopped because the process stops.
    GivenBack,
}

/// Knows how to perform one kind of job.
#[async_trait]
pub(crate) trait Performer: Send + Sync + 'static {
    /// The stored name.
    fn kind(&self) -> &'static str;
    /// At most this many at a time; 1: not a batch job.
    fn batch(&self) -> usize;
    /// Performs these, which are at most [`Performer::batch`]; an outcome each, in order.
    async fn perform(&self, spine: &Spine, items: &[Assignment]) -> Vec<Outcome>;
}

/// Performs jobs of type `J`, one at a time.
pub(crate) fn perform_single<J: Job>(context: Arc<J::Context>) -> Arc<dyn Performer> {
    Arc::new(Single::<J> { context })
}

/// Performs batch jobs of type `J`, many at a time.
pub(crate) fn perform_batch<J: BatchJob>(context: Arc<J::Context>) -> Arc<dyn Performer> {
    Arc::new(Batch::<J> { context })
}

struct Single<J: Job> {
    context: Arc<J::Context>,
}

#[async_trait]
impl<J: Job> Performer for Single<J> {
    fn kind(&self) -> &'static str {
        J::KIND
    }

    fn batch(&self) -> usize {
        1
    }

    async fn perform(&self, spine: &Spine, items: &[Assignment]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(items.len());
        for item in items {
            outcomes.push(self.perform_one(spine, item).await);
        }
        outcomes
    }
}

impl<J: Job> Single<J> {
    async fn perform_one(&self, spine: &Spine, item: &Assignment) -> Outcome {
        let job = match serde_json::from_str::<J>(&item.payload) {
            Ok(job) => job,
            Err(error) => return unreadable(&error),
        };
        let completion = Completion::new(item.id, item.claim);
        let attempt = item.failures.saturating_add(1);
        let mut run =
            JobRun::new(spine.clone(), item.id, attempt, item.cause.clone(), completion.clone());
        let result = guarded(J::TIMEOUT, job.run(&self.context, &mut run)).await;
        match result {
            _ if completion.is_committed() => {
                if let Err(error) = result {
                    tracing::warn!(
                        job.id = %item.id, job.kind = J::KIND, error = %describe(&error),
                        "failed after it had committed: it stays done"
                    );
                }
                Outcome::Completed
            }
            Ok(()) => Outcome::Done,
            Err(error) => judge(error, J::backoff(attempt)),
        }
    }
}

struct Batch<J: BatchJob> {
    context: Arc<J::Context>,
}

#[async_trait]
impl<J: BatchJob> Performer for Batch<J> {
    fn kind(&self) -> &'static str {
        J::KIND
    }

    fn batch(&self) -> usize {
        J::BATCH.max(1)
    }

    async fn perform(&self, spine: &Spine, items: &[Assignment]) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(items.len());
        let mut readable = Vec::with_capacity(items.len());
        for item in items {
            match serde_json::from_str::<J>(&item.payload) {
                Ok(job) => {
                    outcomes.push(None);
                    readable.push(Claimed {
                        id: item.id,
                        attempt: item.failures.saturating_add(1),
                        cause: item.cause.clone(),
                        job,
                    });
                }
                Err(error) => outcomes.push(Some(unreadable(&error))),
            }
        }
        let claims: Vec<_> = items
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| outcome.is_none())
            .map(|(item, _)| (item.id, item.claim))
            .collect();
        let performed = self.perform_readable(spine, &readable, &claims).await;
        let mut performed = performed.into_iter();
        outcomes
            .into_iter()
            .map(|outcome| outcome.or_else(|| performed.next()).unwrap_or(Outcome::GivenBack))
            .collect()
    }
}

impl<J: BatchJob> Batch<J> {
    /// All together; where that fails, each alone.
    async fn perform_readable(
        &self,
        spine: &Spine,
        items: &[Claimed<J>],
        claims: &[(JobId, i32)],
    ) -> Vec<Outcome> {
        match self.attempt(spine, items, claims).await {
            Ok(outcomes) => outcomes,
            Err(error) if items.len() == 1 => vec![self.judge_alone(error, &items[0])],
            Err(error) => {
                tracing::info!(
                    job.kind = J::KIND, items = items.len(), error = %describe(&error),
                    "a batch failed: its items run alone"
                );
                let mut outcomes = Vec::with_capacity(items.len());
                for (item, claim) in items.iter().zip(claims) {
                    let one = std::slice::from_ref(item);
                    match self.attempt(spine, one, std::slice::from_ref(claim)).await {
                        Ok(done) => outcomes.extend(done),
                        Err(error) => outcomes.push(self.judge_alone(error, item)),
                    }
                }
                outcomes
            }
        }
    }

    fn judge_alone(&self, error: JobError, item: &Claimed<J>) -> Outcome {
        judge(error, J::backoff(item.attempt))
    }

    /// One transaction with the effects and the completions of these items.
    async fn attempt(
        &self,
        spine: &Spine,
        items: &[Claimed<J>],
        claims: &[(JobId, i32)],
    ) -> Result<Vec<Outcome>, JobError> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let cause = match items {
            [item] => item.cause.clone(),
            _ => Cause::system(),
        };
        let mut tx = spine.begin_worker(cause).await?;
        let results = guarded(J::TIMEOUT, J::run(&self.context, items, &mut tx)).await?;
        if results.len() != items.len() {
            return Err(JobError::retry(format!(
                "a batch of {} items returned {} outcomes",
                items.len(),
                results.len()
            )));
        }
        let done: Vec<_> = results
            .iter()
            .zip(claims)
            .filter(|(result, _)| result.is_ok())
            .map(|(_, claim)| *claim)
            .collect();
        let now = spine.clock().now();
        if !done.is_empty() && complete_many(tx.conn(), &done, now).await? != done.len() {
            let lost = lost_claims(tx.conn(), &done).await?;
            tx.rollback().await?;
            return match lost.first() {
                Some(id) => Err(SpineError::LeaseLost(*id).into()),
                None => Err(JobError::retry("a lease was lost")),
            };
        }
        tx.commit().await?;
        let outcomes = results.into_iter().zip(items).map(|(result, item)| match result {
            Ok(()) => Outcome::Completed,
            Err(error) => judge(error, J::backoff(item.attempt)),
        });
        Ok(outcomes.collect())
    }
}

/// Runs a job's code: a panic or an overlong run is a failed attempt.
async fn guarded<T>(
    timeout: Duration,
    run: impl Future<Output = Result<T, JobError>>,
) -> Result<T, JobError> {
    match tokio::time::timeout(timeout, AssertUnwindSafe(run).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(JobError::retry(format!("panicked: {}", panic_text(&*panic)))),
        Err(_) => Err(JobError::retry(format!("still running after {} s", timeout.as_secs()))),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

fn unreadable(error: &serde_json::Error) -> Outcome {
    Outcome::GaveUp { error: format!("its payload cannot be read: {error}") }
}

/// What an error means for the job.
fn judge(error: JobError, backoff: Duration) -> Outcome {
    match error {
        JobError::Retry(source) if is_lease_lost(source.as_ref()) => Outcome::Lost,
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

fn describe(error: &JobError) -> String {
    match error {
        JobError::Retry(source) | JobError::GiveUp(source) => chain(source.as_ref()),
        JobError::RetryAfter { .. } | JobError::RetryNotBefore { .. } => error.to_string(),
    }
}

/// An error with all its sources, as it is kept with the job.
fn chain(error: &dyn Error) -> String {
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
    fn jitter_never_shortens_a_backoff_and_adds_a_quarter_at_most() {
        for _ in 0..100 {
            let wait = jittered(Duration::from_secs(100));
            assert!((100..=125).contains(&wait.as_secs()), "{wait:?}");
        }
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

    #[tokio::test]
    async fn a_panic_is_a_failed_attempt() {
        let result = guarded::<()>(Duration::from_secs(1), async { panic!("at the disco") }).await;
        let Err(JobError::Retry(error)) = result else { panic!("{result:?}") };
        assert_eq!(error.to_string(), "panicked: at the disco");
    }
}
