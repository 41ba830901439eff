//! Jobs whose worker fell silent: a crash, a cut cable, a machine that was switched off.
//!
//! Which of the jobs that a process held ended it, if any did, nobody can tell: it held hundreds,
//! most of them claimed ahead and never started. So the first loss costs a job nothing. A job that
//! is lost twice in a row is put on trial: it runs as the only suspect of its process, claimed when
//! it starts, and if it is lost then, that is a failed attempt like any other. A job that kills its
//! worker is thus a dead letter in the end, and whatever happened to be beside it is not.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::Lane;
use super::claim::{ClaimedRow, TableRow};
use crate::JobId;

/// A job whose lease expired.
#[derive(Debug)]
pub(crate) struct Expired {
    pub(crate) id: JobId,
    pub(crate) lane: Lane,
    pub(crate) key: Option<String>,
    pub(crate) became: Became,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Became {
    /// Anyone may claim it.
    Ready,
    /// It waits for its trial.
    Suspect,
    /// It was lost on trial as often as it may fail.
    Dead,
}

/// Takes jobs with expired leases back. One that was lost on trial waits as long as after any failed
/// attempt (as [`crate::Job::backoff`] says where it is not told otherwise), so that a node has some
/// peace between its crashes.
pub(crate) async fn take_back_expired(
    pool: &PgPool,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Expired>> {
    sqlx::query!(
        r#"WITH expired AS MATERIALIZED (
               SELECT job_id, losses >= 2 AS tried, losses >= 1 AS suspect,
                      losses >= 2 AND failures + 1 >= max_attempts AS dead
                 FROM spine.job
                WHERE state = 1 AND lease_until < $1::timestamptz
                LIMIT 1000
                  FOR UPDATE SKIP LOCKED
           )
           UPDATE spine.job AS job
              SET losses = least(job.losses::integer + 1, 32767)::smallint,
                  failures = job.failures + expired.tried::integer::smallint,
                  state = CASE WHEN expired.dead THEN 4 WHEN expired.suspect THEN 2 ELSE 0 END,
                  run_at = CASE WHEN expired.tried
                                THEN $1::timestamptz + least(3600, 2 ^ least(job.failures + 1, 12))
                                                       * interval '1 s'
                                ELSE least(job.run_at, $1::timestamptz) END,
                  died_at = CASE WHEN expired.dead THEN $1::timestamptz END,
                  lease_until = NULL,
                  last_error = CASE WHEN expired.tried
                                    THEN 'its worker fell silent while it was on trial'
                                    ELSE 'its worker fell silent: the lease expired' END
             FROM expired
            WHERE job.job_id = expired.job_id
           RETURNING job.job_id AS "id: JobId", job.lane, job.concurrency_key AS key, job.state"#,
        now,
    )
    .map(|row| Expired {
        id: row.id,
        lane: Lane::from_number(row.lane),
        key: row.key,
        became: match row.state {
            0 => Became::Ready,
            2 => Became::Suspect,
            _ => Became::Dead,
        },
    })
    .fetch_all(pool)
    .await
}

/// Claims the suspect of these kinds that waits longest for its trial.
pub(crate) async fn claim_suspect(
    pool: &PgPool,
    now: DateTime<Utc>,
    kinds: &[&str],
) -> sqlx::Result<Option<ClaimedRow>> {
    let row = sqlx::query_as!(
        TableRow,
        r#"WITH picked AS MATERIALIZED (
               SELECT job_id
                 FROM spine.job
                WHERE state = 2 AND run_at <= $1::timestamptz AND losses >= 2 AND kind = ANY ($2)
                  AND NOT EXISTS (
                          SELECT FROM spine.job_pause
                           WHERE subject = CASE lane WHEN 0 THEN 'lane:realtime'
                                                     WHEN 1 THEN 'lane:interactive'
                                                     ELSE 'lane:background' END)
                ORDER BY run_at
                LIMIT 1
                  FOR UPDATE SKIP LOCKED
           )
           UPDATE spine.job AS job
              SET state = 1, claim = job.claim + 1, claimed_at = $1::timestamptz,
                  lease_until = $1::timestamptz + job.lease_ms * interval '1 ms'
             FROM picked
            WHERE job.job_id = picked.job_id
           RETURNING job.job_id AS "id: JobId", job.claim, job.kind, job.failures,
                     job.max_attempts, job.lease_ms, job.concurrency_key AS key,
                     job.concurrency_limit AS max_running, job.payload, job.cause,
                     job.priority, job.position"#,
        now,
        kinds as &[&str],
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(ClaimedRow::from))
}
