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

#[cfg(test)]
impl ClaimedRow {
    /// A job with this payload.
    pub(super) fn sample(kind: &str, payload: String) -> Self {
        Self {
            id: JobId::new(),
            claim: 1,
            kind: kind.to_owned(),
            failures: 0,
            max_attempts: 10,
            lease: Duration::from_secs(60),
            key: None,
            limit: 1,
            payload,
            cause: None,
            order: (Reverse(0), 0),
        }
    }
}

/// What claims return.
pub(super) struct TableRow {
    pub(super) id: JobId,
    pub(super) claim: i32,
    pub(super) kind: String,
    pub(super) failures: i16,
    pub(super) max_attempts: i16,
    pub(super) lease_ms: i32,
    pub(super) key: Option<String>,
    pub(super) max_running: Option<i16>,
    pub(super) payload: String,
    pub(super) cause: Option<String>,
    pub(super) priority: i16,
    pub(super) position: i64,
}

impl From<TableRow> for ClaimedRow {
    fn from(row: TableRow) -> Self {
        Self {
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
        }
    }
}

/// How much a claim asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Appetite {
    /// At most so many jobs.
    pub(crate) jobs: usize,
    /// No further one after so many bytes of payload.
    pub(crate) bytes: usize,
}

impl Appetite {
    /// Whether these are all that was asked for: there may be more.
    pub(crate) fn is_stilled(self, rows: &[ClaimedRow]) -> bool {
        rows.len() >= self.jobs
            || rows.iter().map(|row| row.payload.len()).sum::<usize>() >= self.bytes
    }
}

/// Claims ready jobs of a lane, in order, without those of `unknown` kinds. A paused lane has none.
pub(crate) async fn claim(
    pool: &PgPool,
    lane: Lane,
    appetite: Appetite,
    now: DateTime<Utc>,
    unknown: &[String],
) -> sqlx::Result<Vec<ClaimedRow>> {
    // The size of a payload is read without the payload. The rows come to the sum in the order of
    // the index; in whichever order they came, their sum would stay below the limit.
    let rows = sqlx::query_as!(
        TableRow,
        r#"WITH ready AS MATERIALIZED (
               SELECT job_id, octet_length(payload) AS bytes
                 FROM spine.job
                WHERE lane = $1 AND state = 0 AND kind <> ALL ($4)
                  AND NOT EXISTS (SELECT FROM spine.job_pause WHERE subject = $5)
                ORDER BY priority DESC, position
                LIMIT $2
                  FOR UPDATE SKIP LOCKED
           ), picked AS MATERIALIZED (
               SELECT job_id
                 FROM (SELECT job_id, sum(bytes) OVER (ROWS UNBOUNDED PRECEDING) - bytes AS before
                         FROM ready) AS summed
                WHERE before < $6
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
        i64::try_from(appetite.jobs).unwrap_or(i64::MAX),
        now,
        unknown,
        format!("lane:{}", lane.name()),
        i64::try_from(appetite.bytes).unwrap_or(i64::MAX),
    )
    .fetch_all(pool)
    .await?;
    let mut rows: Vec<ClaimedRow> = rows.into_iter().map(ClaimedRow::from).collect();
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

/// Makes deferred jobs ready whose time has come, but for those that wait for a trial; returns the lanes that got some.
pub(crate) async fn ready_due(pool: &PgPool, now: DateTime<Utc>) -> sqlx::Result<Vec<Lane>> {
    let lanes = sqlx::query_scalar!(
        r#"WITH due AS MATERIALIZED (
               SELECT job_id FROM spine.job
                WHERE state = 2 AND run_at <= $1 AND losses < 2
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
    sqlx::query_scalar!("SELECT min(run_at) FROM spine.job WHERE state = 2 AND losses < 2")
        .fetch_one(pool)
        .await
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
