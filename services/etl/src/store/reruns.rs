//! Runs of a mapping over the history of its kind.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// A run.
#[derive(Clone, Debug)]
pub(crate) struct Rerun {
    pub(crate) id: Uuid,
    pub(crate) mapping: String,
    pub(crate) version: i32,
    pub(crate) state: String,
    pub(crate) total: i64,
    pub(crate) done: i64,
    pub(crate) refused: i64,
    pub(crate) started_by: String,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
}

/// Begins a run; `false`: it has begun already.
pub(crate) async fn begin(
    conn: &mut PgConnection,
    id: Uuid,
    (mapping, version): (&str, i32),
    kind: &str,
    by: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO etl.rerun (id, mapping, version, state, total, started_by, started_at)
         SELECT $1, $2, $3, 'running', count(*), $5, $6
           FROM etl.record WHERE kind = $4 AND newest AND NOT deleted
         ON CONFLICT (id) DO NOTHING",
        id,
        mapping,
        version,
        kind,
        by,
        now
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A run.
pub(crate) async fn find(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Rerun>> {
    sqlx::query_as!(
        Rerun,
        "SELECT id, mapping, version, state, total, done, refused, started_by, started_at, finished_at
           FROM etl.rerun WHERE id = $1",
        id
    )
    .fetch_optional(pool)
    .await
}

/// The runs of a mapping, the newest first, before the given place.
pub(crate) async fn list(
    pool: &PgPool,
    mapping: &str,
    before: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<Rerun>> {
    let (time, id) = before.unzip();
    sqlx::query_as!(
        Rerun,
        "SELECT id, mapping, version, state, total, done, refused, started_by, started_at, finished_at
           FROM etl.rerun
          WHERE mapping = $1 AND ($2::timestamptz IS NULL OR (started_at, id) < ($2, $3))
          ORDER BY started_at DESC, id DESC
          LIMIT $4",
        mapping,
        time,
        id,
        limit
    )
    .fetch_all(pool)
    .await
}

/// How far a run has come; with a state that is not `running` it ends.
pub(crate) async fn advance(
    conn: &mut PgConnection,
    id: Uuid,
    (done, refused): (i64, i64),
    state: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE etl.rerun
            SET done = done + $2, refused = refused + $3, state = $4,
                finished_at = CASE WHEN $4 = 'running' THEN NULL ELSE $5::timestamptz END
          WHERE id = $1",
        id,
        done,
        refused,
        state,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The next records of a kind, in their order, with their sizes.
pub(crate) async fn next(
    pool: &PgPool,
    kind: &str,
    after: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<(Uuid, i64)>> {
    let rows = sqlx::query!(
        "SELECT id, size FROM etl.record
          WHERE kind = $1 AND newest AND NOT deleted AND ($2::uuid IS NULL OR id > $2)
          ORDER BY id
          LIMIT $3",
        kind,
        after,
        limit
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.size)).collect())
}
