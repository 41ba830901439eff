//! Completing: done jobs leave the table, many in one statement, fenced by their claim.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{JobId, SpineError};

/// The completion of a job as part of the transaction that holds its effects.
#[derive(Clone, Debug)]
pub struct Completion {
    job: JobId,
    claim: i32,
    committed: Arc<AtomicBool>,
}

impl Completion {
    pub(crate) fn new(job: JobId, claim: i32) -> Self {
        Self { job, claim, committed: Arc::default() }
    }

    /// Completes the job as part of the connection's transaction.
    ///
    /// # Errors
    /// [`SpineError::LeaseLost`] where another worker claimed the job meanwhile; the database
    /// failed.
    pub async fn write(
        &self,
        conn: &mut PgConnection,
        now: DateTime<Utc>,
    ) -> Result<(), SpineError> {
        let completed = sqlx::query!(
            r#"WITH gone AS (
                   DELETE FROM spine.job
                    WHERE job_id = $1 AND claim = $2
                   RETURNING job_id, enqueued_at, claimed_at, lane, failures, kind
               )
               INSERT INTO spine.job_done (job_id, enqueued_at, claimed_at, finished_at, lane,
                                           failures, discarded, kind)
               SELECT job_id, enqueued_at, coalesce(claimed_at, $3), $3, lane, failures, false,
                      kind
                 FROM gone"#,
            self.job.0,
            self.claim,
            now,
        )
        .execute(conn)
        .await?;
        match completed.rows_affected() {
            1 => Ok(()),
            _ => Err(SpineError::LeaseLost(self.job)),
        }
    }

    /// The transaction was committed: the worker need not complete the job.
    pub fn committed(&self) {
        self.committed.store(true, Ordering::Release);
    }

    pub(crate) fn is_committed(&self) -> bool {
        self.committed.load(Ordering::Acquire)
    }
}

/// Completes one job as part of the connection's transaction, fenced by the number of the claim
/// that this run holds.
///
/// # Errors
/// [`SpineError::LeaseLost`] where another worker claimed the job meanwhile; the database failed.
pub async fn complete_in(
    conn: &mut PgConnection,
    job: JobId,
    claim: i32,
    now: DateTime<Utc>,
) -> Result<(), SpineError> {
    Completion::new(job, claim).write(conn, now).await
}

/// Moves these jobs to the done ones where the claims still hold; returns how many did.
pub(crate) async fn complete_many(
    conn: &mut PgConnection,
    jobs: &[(JobId, i32)],
    now: DateTime<Utc>,
) -> sqlx::Result<usize> {
    let ids: Vec<_> = jobs.iter().map(|(id, _)| id.0).collect();
    let claims: Vec<_> = jobs.iter().map(|(_, claim)| *claim).collect();
    let result = sqlx::query!(
        r#"WITH gone AS (
               DELETE FROM spine.job AS job
                USING unnest($1::uuid[], $2::integer[]) AS held (id, claim)
                WHERE job.job_id = held.id AND job.claim = held.claim
               RETURNING job.job_id, job.enqueued_at, job.claimed_at, job.lane, job.failures,
                         job.kind
           )
           INSERT INTO spine.job_done (job_id, enqueued_at, claimed_at, finished_at, lane, failures,
                                       discarded, kind)
           SELECT job_id, enqueued_at, coalesce(claimed_at, $3), $3, lane, failures, false, kind
             FROM gone"#,
        &ids,
        &claims,
        now,
    )
    .execute(conn)
    .await?;
    Ok(usize::try_from(result.rows_affected()).unwrap_or(usize::MAX))
}

/// Of these claims, those that no longer hold.
pub(crate) async fn lost_claims(
    conn: &mut PgConnection,
    jobs: &[(JobId, i32)],
) -> sqlx::Result<Vec<JobId>> {
    let ids: Vec<_> = jobs.iter().map(|(id, _)| id.0).collect();
    let claims: Vec<_> = jobs.iter().map(|(_, claim)| *claim).collect();
    sqlx::query_scalar!(
        r#"SELECT held.id AS "id!: JobId"
             FROM unnest($1::uuid[], $2::integer[]) AS held (id, claim)
            WHERE NOT EXISTS (SELECT FROM spine.job AS job
                               WHERE job.job_id = held.id AND job.claim = held.claim)"#,
        &ids,
        &claims,
    )
    .fetch_all(conn)
    .await
}

/// What becomes of a claimed job that did not get done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Setback {
    /// Again at this time; `failures` counts this attempt where it failed.
    Later { at: DateTime<Utc>, failures: u16 },
    /// Again at once, by anyone: it was never started.
    GivenBack,
    /// Never again by itself.
    Dead { failures: u16 },
}

/// A claimed job that did not get done, and why.
#[derive(Clone, Debug)]
pub(crate) struct Undone {
    pub(crate) id: JobId,
    pub(crate) claim: i32,
    pub(crate) setback: Setback,
    pub(crate) error: Option<String>,
}

/// Writes what became of jobs that did not get done, where the claims still hold; returns for how
/// many. Their workers are alive: only those that were never started stay under suspicion
/// (`losses`), which then go back to those that wait for their trial.
pub(crate) async fn set_back(
    conn: &mut PgConnection,
    jobs: &[Undone],
    now: DateTime<Utc>,
) -> sqlx::Result<usize> {
    let ids: Vec<_> = jobs.iter().map(|job| job.id.0).collect();
    let claims: Vec<_> = jobs.iter().map(|job| job.claim).collect();
    let states: Vec<i16> = jobs
        .iter()
        .map(|job| match job.setback {
            Setback::Later { .. } => 2,
            Setback::GivenBack => 0,
            Setback::Dead { .. } => 4,
        })
        .collect();
    let times: Vec<_> = jobs
        .iter()
        .map(|job| match job.setback {
            Setback::Later { at, .. } => Some(at),
            Setback::GivenBack | Setback::Dead { .. } => None,
        })
        .collect();
    let failures: Vec<_> = jobs
        .iter()
        .map(|job| match job.setback {
            Setback::Later { failures, .. } | Setback::Dead { failures } => {
                Some(i16::try_from(failures).unwrap_or(i16::MAX))
            }
            Setback::GivenBack => None,
        })
        .collect();
    let errors: Vec<_> = jobs.iter().map(|job| job.error.as_deref()).collect();
    let result = sqlx::query!(
        r#"UPDATE spine.job AS job
              SET state = CASE WHEN undone.state = 0 AND job.losses >= 2 THEN 2
                               ELSE undone.state END,
                  losses = CASE WHEN undone.state = 0 THEN job.losses ELSE 0 END,
                  run_at = coalesce(undone.run_at, job.run_at),
                  failures = coalesce(undone.failures, job.failures),
                  last_error = coalesce(undone.error, job.last_error),
                  died_at = CASE WHEN undone.state = 4 THEN $7::timestamptz END,
                  lease_until = NULL
             FROM unnest($1::uuid[], $2::integer[], $3::smallint[], $4::timestamptz[],
                         $5::smallint[], $6::text[])
                  AS undone (id, claim, state, run_at, failures, error)
            WHERE job.job_id = undone.id AND job.claim = undone.claim AND job.state = 1"#,
        &ids,
        &claims,
        &states,
        &times as &[Option<DateTime<Utc>>],
        &failures as &[Option<i16>],
        &errors as &[Option<&str>],
        now,
    )
    .execute(conn)
    .await?;
    Ok(usize::try_from(result.rows_affected()).unwrap_or(usize::MAX))
}
