//! What became of an account's runs.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// What one page, or the end, adds to a run.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    pub(crate) run: Uuid,
    pub(crate) account: Uuid,
    pub(crate) trigger: &'static str,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) pages: i32,
    pub(crate) records: i64,
    /// `running`, `done`, `failed`, `stopped`.
    pub(crate) outcome: &'static str,
    pub(crate) error: Option<&'a str>,
}

/// Writes a run down, or how it goes on.
pub(crate) async fn note(
    conn: &mut PgConnection,
    step: &Step<'_>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let finished = (step.outcome != "running").then_some(now);
    sqlx::query!(
        r#"INSERT INTO connectors.run AS known
               (id, account, trigger, started_at, finished_at, pages, records, outcome, error)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           ON CONFLICT (id) DO UPDATE
              SET pages = known.pages + excluded.pages, records = known.records + excluded.records,
                  finished_at = excluded.finished_at, outcome = excluded.outcome,
                  error = excluded.error"#,
        step.run,
        step.account,
        step.trigger,
        step.started_at,
        finished,
        step.pages,
        step.records,
        step.outcome,
        step.error,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A run gives way to another, or to its owner's wish, without coming to its end.
pub(crate) async fn give_way(
    conn: &mut PgConnection,
    run: Uuid,
    reason: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"UPDATE connectors.run SET outcome = 'stopped', finished_at = $3, error = $2
            WHERE id = $1 AND outcome = 'running'"#,
        run,
        reason,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A run as it is kept.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: Uuid,
    pub(crate) trigger: String,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
    pub(crate) pages: i32,
    pub(crate) records: i64,
    pub(crate) outcome: String,
    pub(crate) error: Option<String>,
}

/// The runs of an account, the newest first, after the given one.
pub(crate) async fn list(
    pool: &PgPool,
    account: Uuid,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<Run>> {
    let (time, id) = after.unzip();
    sqlx::query_as!(
        Run,
        r#"SELECT id, trigger, started_at, finished_at, pages, records, outcome, error
             FROM connectors.run
            WHERE account = $1
              AND ($2::timestamptz IS NULL OR (started_at, id) < ($2, $3))
            ORDER BY started_at DESC, id DESC
            LIMIT $4"#,
        account,
        time,
        id,
        limit
    )
    .fetch_all(pool)
    .await
}

/// Forgets all but the newest so many runs of each account.
pub(crate) async fn keep_newest(pool: &PgPool, most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r#"DELETE FROM connectors.run
            WHERE id IN (SELECT id FROM (
                             SELECT id, row_number() OVER (PARTITION BY account
                                                           ORDER BY started_at DESC, id DESC) AS place
                               FROM connectors.run) AS placed
                          WHERE place > $1)"#,
        most
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}
