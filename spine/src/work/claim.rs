//! Claiming: many jobs of a lane in one statement, each with a lease.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::Lane;
use crate::{Cause, JobId};

/// A claimed job as it comes from the table.
#[derive(Debug)]
pub(crate) struct ClaimedRow {
    pub(crate) id: JobId,
    /// Fences everything this claim does.
    pub(crate) claim: i32,
    pub(crate) kind: String,
    pub(crate) failures: u16,
    pub(crate) max_attempts: u16,
    pub(crate) lease: Duration,
    pub(crate) key: Option<String>,
    pub(crate) limit: i16,
    pub(crate) payload: String,
    /// JSON of the cause, if it had one.
    pub(crate) cause: Option<String>,
    order: (Reverse<i16>, i64),
}

impl ClaimedRow {
    /// Why it was scheduled. What an older version wrote and this one cannot read is no cause.
    pub(crate) fn cause(&self) -> Cause {
        self.cause.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }
}

/// Claims up to `count` ready jobs of a lane, in order, without those of `unknown` kinds. A paused
/// lane has none.
pub(crate) async fn claim(
    pool: &PgPool,
    lane: Lane,
    count: usize,
    now: DateTime<Utc>,
    unknown: &[String],
) -> sqlx::Result<Vec<ClaimedRow>> {
    let mut rows: Vec<_> = sqlx::query!(
        r#"WITH picked AS MATERIALIZED (
               SELECT job_id
                 FROM spine.job
                WHERE lane = $1 AND state = 0 AND kind <> ALL ($4)
                  AND NOT EXISTS (SELECT FROM spine.job_pause WHERE subject = $5)
                ORDER BY priority DESC, position
                LIMIT $2
                  FOR UPDATE SKIP LOCKED
           )
           UPDATE spine.job AS job
              SET state = 1, claim = job.claim + 1, claimed_at = $3::timestamptz,
                  lease_until = $3::timestamptz + job.lease_ms * interval '1 ms'
             FROM picked
            WHERE job.job_id = picked.job_id
           RETURNING job.job_id AS "id: JobId", job.claim, job.kind, job.failures,
                     job.max_attempts, job.lease_ms, job.concurrency_key AS key,
                     job.concurrency_limit AS max_running, job.payload, job.cause,
                     job.priority, job.position"#,
        lane as i16,
        i64::try_from(count).unwrap_or(i64::MAX),
        now,
        unknown,
        format!("lane:{}", lane.name()),
    )
    .map(|row| ClaimedRow {
        id: row.id,
        claim: row.claim,
        kind: row.kind,
        failures: u16::try_from(row.failures).unwrap_or(0),
        max_attempts: u16::try_from(row.max_attempts).unwrap_or(1),
        lease: Duration::from_millis(u64::try_from(row.lease_ms).unwrap_or(0)),
        key: row.key,
        limit: row.max_running.unwrap_or(1),
        payload: row.payload,
        cause: row.cause,
        order: (Reverse(row.priority), row.position),
    })
    .fetch_all(pool)
    .await?;
    rows.sort_unstable_by_key(|row| row.order);
    Ok(rows)
}

/// Blocks those of the claimed jobs for whose keys there is no room, and takes them out of `rows`.
pub(crate) async fn block_crowded(pool: &PgPool, rows: &mut Vec<ClaimedRow>) -> sqlx::Result<()> {
    let keyed: Vec<_> = rows.iter().filter(|row| row.key.is_some()).collect();
    if keyed.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = keyed.iter().map(|row| row.id.0).collect();
    let claims: Vec<_> = keyed.iter().map(|row| row.claim).collect();
    let keys: Vec<_> = keyed.iter().filter_map(|row| row.key.as_deref()).collect();
    let limits: Vec<_> = keyed.iter().map(|row| row.limit).collect();
    let blocked = sqlx::query_scalar!(
        r#"SELECT id AS "id!: JobId" FROM spine.block_jobs($1, $2, $3, $4) AS id"#,
        &ids,
        &claims,
        &keys as &[&str],
        &limits,
    )
    .fetch_all(pool)
    .await?;
    let blocked: HashSet<_> = blocked.into_iter().collect();
    rows.retain(|row| !blocked.contains(&row.id));
    Ok(())
}

/// Extends the leases of these claims to `lease` from `now`; returns those that still hold.
pub(crate) async fn extend(
    pool: &PgPool,
    held: &[(JobId, i32)],
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<JobId>> {
    let ids: Vec<_> = held.iter().map(|(id, _)| id.0).collect();
    let claims: Vec<_> = held.iter().map(|(_, claim)| *claim).collect();
    sqlx::query_scalar!(
        r#"UPDATE spine.job AS job
              SET lease_until = $3::timestamptz + job.lease_ms * interval '1 ms'
             FROM unnest($1::uuid[], $2::integer[]) AS held (id, claim)
            WHERE job.job_id = held.id AND job.claim = held.claim AND job.state = 1
           RETURNING job.job_id AS "id: JobId""#,
        &ids,
        &claims,
        now,
    )
    .fetch_all(pool)
    .await
}

/// A job whose worker fell silent.
#[derive(Debug)]
pub(crate) struct Expired {
    pub(crate) lane: Lane,
    pub(crate) key: Option<String>,
    pub(crate) dead: bool,
}

/// Makes jobs with expired leases ready again. It counts as a failed attempt: a job that kills its
/// worker must not do so for ever.
pub(crate) async fn take_back_expired(
    pool: &PgPool,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Expired>> {
    sqlx::query!(
        r#"WITH expired AS MATERIALIZED (
               SELECT job_id FROM spine.job
                WHERE state = 1 AND lease_until < $1::timestamptz
                LIMIT 1000
                  FOR UPDATE SKIP LOCKED
           )
           UPDATE spine.job AS job
              SET failures = job.failures + 1, lease_until = NULL,
                  state = CASE WHEN job.failures + 1 >= job.max_attempts THEN 4 ELSE 0 END,
                  died_at = CASE WHEN job.failures + 1 >= job.max_attempts THEN $1::timestamptz END,
                  last_error = 'the worker fell silent: its lease expired'
             FROM expired
            WHERE job.job_id = expired.job_id
           RETURNING job.lane, job.concurrency_key AS key, job.state"#,
        now,
    )
    .map(|row| Expired { lane: Lane::from_number(row.lane), key: row.key, dead: row.state == 4 })
    .fetch_all(pool)
    .await
}

/// Makes deferred jobs ready whose time has come; returns the lanes that got some.
pub(crate) async fn ready_due(pool: &PgPool, now: DateTime<Utc>) -> sqlx::Result<Vec<Lane>> {
    let lanes = sqlx::query_scalar!(
        r#"WITH due AS MATERIALIZED (
               SELECT job_id FROM spine.job
                WHERE state = 2 AND run_at <= $1
                ORDER BY run_at
                LIMIT 1000
                  FOR UPDATE SKIP LOCKED
           )
           UPDATE spine.job AS job SET state = 0
             FROM due
            WHERE job.job_id = due.job_id
           RETURNING job.lane"#,
        now,
    )
    .fetch_all(pool)
    .await?;
    Ok(lanes.into_iter().map(Lane::from_number).collect())
}

/// When the next deferred job is due.
pub(crate) async fn next_due(pool: &PgPool) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!("SELECT min(run_at) FROM spine.job WHERE state = 2").fetch_one(pool).await
}

/// Makes blocked jobs ready for which their key has room again; returns the lanes that got some.
pub(crate) async fn unblock(pool: &PgPool, keys: &[String]) -> sqlx::Result<Vec<Lane>> {
    let lanes =
        sqlx::query_scalar!(r#"SELECT lane AS "lane!" FROM spine.unblock_jobs($1) AS lane"#, keys)
            .fetch_all(pool)
            .await?;
    Ok(lanes.into_iter().map(Lane::from_number).collect())
}

/// Looks at every key with blocked jobs: the safety net for a worker that died between finishing a
/// job and letting the next one go.
pub(crate) async fn unblock_all(pool: &PgPool) -> sqlx::Result<Vec<Lane>> {
    let keys = sqlx::query_scalar!(r#"SELECT key AS "key!" FROM spine.blocked_job_keys() AS key"#)
        .fetch_all(pool)
        .await?;
    if keys.is_empty() { Ok(Vec::new()) } else { unblock(pool, &keys).await }
}
