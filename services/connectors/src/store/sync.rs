//! What runs read and write of an account. Whatever a run writes is fenced by the version of the cursor
//! that it began with.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::decoded;
use crate::account::{AccountState, Standing};

/// A run that could have begun for so long and has not is lost: another may be scheduled.
const LOST: TimeDelta = TimeDelta::minutes(10);
/// At most so many accounts a minute begin by their schedule; the others begin a minute later.
const MOST_AT_ONCE: i64 = 1_000;

/// Takes note that a run is scheduled; `false`: one waits already that will do, or the account is not
/// active.
pub(crate) async fn queue(
    conn: &mut PgConnection,
    account: Uuid,
    urgent: bool,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"UPDATE connectors.account SET queued_at = $2, queued_urgently = $3
            WHERE id = $1 AND state = 'active'
              AND (queued_at IS NULL OR greatest(queued_at, not_before) <= $4
                   OR ($3 AND NOT queued_urgently))"#,
        account,
        now,
        urgent,
        now - LOST,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The accounts whose time has come, each once however long it passed, and moved on to its next time,
/// up to a tenth of the interval later so that accounts do not come together. Those for which a run waits
/// already are moved on only.
pub(crate) async fn take_due(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Uuid>> {
    let rows = sqlx::query!(
        r#"WITH due AS (
               SELECT id, queued_at IS NOT NULL AND greatest(queued_at, not_before) > $2 AS queued
                 FROM connectors.account
                WHERE state = 'active' AND next_sync_at <= $1
                  AND (not_before IS NULL OR not_before <= $1)
                ORDER BY next_sync_at
                LIMIT $3
                  FOR UPDATE SKIP LOCKED
           )
           UPDATE connectors.account AS account
              SET next_sync_at = $1::timestamptz + make_interval(secs => account.schedule * (1 + random() * 0.1)),
                  queued_at = CASE WHEN due.queued THEN account.queued_at ELSE $1 END,
                  queued_urgently = due.queued AND account.queued_urgently
             FROM due
            WHERE account.id = due.id
           RETURNING account.id, due.queued AS "queued!""#,
        now,
        now - LOST,
        MOST_AT_ONCE,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().filter(|row| !row.queued).map(|row| row.id).collect())
}

/// A run begins: what changes from now on may be scheduled again. Not while the account waits.
pub(crate) async fn begin(pool: &PgPool, account: Uuid, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        r#"UPDATE connectors.account SET queued_at = NULL, queued_urgently = false
            WHERE id = $1 AND queued_at IS NOT NULL AND (not_before IS NULL OR not_before <= $2)"#,
        account,
        now
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// The page that a run got.
#[derive(Debug)]
pub(crate) struct Advance<'a> {
    pub(crate) account: Uuid,
    /// The cursor's version that the page was asked with.
    pub(crate) from: i64,
    /// The settings that it was asked with.
    pub(crate) config: &'a Value,
    pub(crate) cursor: Option<&'a [u8]>,
    /// Whether it is the last page.
    pub(crate) last: bool,
    /// Before when the source does not want to be asked again, where it says so.
    pub(crate) wished: Option<DateTime<Utc>>,
    pub(crate) jitter: f64,
}

/// Moves the cursor on: where what the page brings belongs now. None: another run has moved it, the settings
/// are others by now, or the account is not active any more.
///
/// The source's wish makes the wait until the next run longer, never shorter than people want it, and is no
/// schedule where they want none.
pub(crate) async fn advance(
    conn: &mut PgConnection,
    page: &Advance<'_>,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Standing>> {
    let row = sqlx::query!(
        r#"UPDATE connectors.account
              SET cursor = $3, cursor_version = cursor_version + 1,
                  last_error = NULL, consecutive_failures = 0, not_before = NULL,
                  last_sync_at = CASE WHEN $4 THEN $5 ELSE last_sync_at END,
                  next_sync_at = CASE WHEN NOT $4 THEN next_sync_at
                                      WHEN schedule IS NULL THEN NULL
                                      ELSE greatest($6::timestamptz,
                                               $5::timestamptz + make_interval(secs => schedule * (1 + $7::float8)))
                                  END
            WHERE id = $1 AND cursor_version = $2 AND state = 'active' AND config = $8
           RETURNING space, labels, consent"#,
        page.account,
        page.from,
        page.cursor,
        page.last,
        now,
        page.wished,
        page.jitter,
        page.config,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Standing { space: decoded(&row.space)?, labels: row.labels, consent: row.consent })
    })
    .transpose()
}

/// Forgets the cursor, so that everything is read again; the new version, none where the account is at
/// another one, or not active.
pub(crate) async fn reset(
    conn: &mut PgConnection,
    account: Uuid,
    from: Option<i64>,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        r#"UPDATE connectors.account SET cursor = NULL, cursor_version = cursor_version + 1
            WHERE id = $1 AND state = 'active' AND ($2::bigint IS NULL OR cursor_version = $2)
           RETURNING cursor_version"#,
        account,
        from
    )
    .fetch_optional(conn)
    .await
}

/// A run that ended badly.
#[derive(Debug)]
pub(crate) struct Failure<'a> {
    pub(crate) account: Uuid,
    pub(crate) from: i64,
    /// Where the account is from now on.
    pub(crate) state: AccountState,
    pub(crate) error: &'a str,
    pub(crate) next_sync_at: Option<DateTime<Utc>>,
    /// Until when the source wants nobody to ask, where it says so.
    pub(crate) not_before: Option<DateTime<Utc>>,
}

/// Notes a failure that ends the run; `false`: the account is at another version, or not active.
pub(crate) async fn fail(conn: &mut PgConnection, failure: &Failure<'_>) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"UPDATE connectors.account
              SET state = $3, last_error = $4, consecutive_failures = consecutive_failures + 1,
                  next_sync_at = $5, not_before = coalesce($6::timestamptz, not_before)
            WHERE id = $1 AND cursor_version = $2 AND state = 'active'"#,
        failure.account,
        failure.from,
        failure.state.name(),
        failure.error,
        failure.next_sync_at,
        failure.not_before,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A run that is tried again.
#[derive(Debug)]
pub(crate) struct Postponed<'a> {
    pub(crate) account: Uuid,
    pub(crate) from: i64,
    pub(crate) error: &'a str,
    pub(crate) not_before: DateTime<Utc>,
    /// Whether it counts as a failure.
    pub(crate) failed: bool,
    /// Whether it is at its first page: then it will do for whoever wants a run meanwhile.
    pub(crate) at_first: bool,
}

/// Notes why a run is tried again and not before when. Its schedule begins after that, so that no other run
/// comes in between.
pub(crate) async fn postpone(
    pool: &PgPool,
    run: &Postponed<'_>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"UPDATE connectors.account
              SET last_error = $3, not_before = $4,
                  consecutive_failures = consecutive_failures + CASE WHEN $5 THEN 1 ELSE 0 END,
                  next_sync_at = greatest(next_sync_at, $4::timestamptz + make_interval(secs => schedule)),
                  queued_at = CASE WHEN $6 THEN $7 ELSE queued_at END,
                  queued_urgently = queued_urgently OR $6
            WHERE id = $1 AND cursor_version = $2 AND state = 'active'"#,
        run.account,
        run.from,
        run.error,
        run.not_before,
        run.failed,
        run.at_first,
        now,
    )
    .execute(pool)
    .await?;
    Ok(())
}
