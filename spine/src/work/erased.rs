//! Dead letters that must not be kept: about whom or what was erased, or too old.
//!
//! A job that gets done takes its payload with it soon. A dead letter keeps it, in clear, and would
//! keep it for ever: so it goes when its subject is erased, when it dies afterwards, and when nobody
//! looked after it for a long time. The history remembers that each of them was thrown away.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::JobId;

/// Throws away the dead letters about these subjects, as part of the connection's transaction.
pub(crate) async fn discard_about(
    conn: &mut PgConnection,
    subjects: &[String],
    now: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let discarded = sqlx::query!(
        r#"WITH gone AS (
               DELETE FROM spine.job WHERE state = 4 AND subject = ANY ($1)
               RETURNING job_id, enqueued_at, claimed_at, lane, failures, kind
           )
           INSERT INTO spine.job_done (job_id, enqueued_at, claimed_at, finished_at, lane, failures,
                                       discarded, kind)
           SELECT job_id, enqueued_at, coalesce(claimed_at, enqueued_at), $2, lane, failures, true,
                  kind
             FROM gone"#,
        subjects,
        now,
    )
    .execute(conn)
    .await?;
    Ok(discarded.rows_affected())
}

/// Of these jobs, throws away those that are dead letters about what was erased meanwhile.
pub(crate) async fn discard_erased(
    conn: &mut PgConnection,
    jobs: &[JobId],
    now: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let ids: Vec<_> = jobs.iter().map(|id| id.0).collect();
    let discarded = sqlx::query!(
        r#"WITH gone AS (
               DELETE FROM spine.job
                WHERE state = 4
                  AND job_id IN (SELECT job_id FROM spine.erased_job WHERE job_id = ANY ($1))
               RETURNING job_id, enqueued_at, claimed_at, lane, failures, kind
           )
           INSERT INTO spine.job_done (job_id, enqueued_at, claimed_at, finished_at, lane, failures,
                                       discarded, kind)
           SELECT job_id, enqueued_at, coalesce(claimed_at, enqueued_at), $2, lane, failures, true,
                  kind
             FROM gone"#,
        &ids,
        now,
    )
    .execute(conn)
    .await?;
    Ok(discarded.rows_affected())
}

/// Throws away dead letters that died before `since`, and those about what was erased while they
/// died, which neither of the two transactions could see.
pub(crate) async fn discard_old(
    conn: &mut PgConnection,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let discarded = sqlx::query!(
        r#"WITH gone AS (
               DELETE FROM spine.job
                WHERE state = 4
                  AND (died_at < $1 OR job_id IN (SELECT job_id FROM spine.erased_job
                                                   WHERE state = 4))
               RETURNING job_id, enqueued_at, claimed_at, lane, failures, kind
           )
           INSERT INTO spine.job_done (job_id, enqueued_at, claimed_at, finished_at, lane, failures,
                                       discarded, kind)
           SELECT job_id, enqueued_at, coalesce(claimed_at, enqueued_at), $2, lane, failures, true,
                  kind
             FROM gone"#,
        since,
        now,
    )
    .execute(conn)
    .await?;
    Ok(discarded.rows_affected())
}
