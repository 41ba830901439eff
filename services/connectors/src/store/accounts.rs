//! Accounts, as people see and change them.

use chrono::{DateTime, Utc};
use contracts::access::Permitted;
use serde_json::Value;
use spine::Snowflake;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::decoded;
use crate::account::{Account, AccountState, NewAccount};

pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) plugin: String,
    pub(super) name: String,
    pub(super) owner: i64,
    pub(super) space: String,
    pub(super) labels: Vec<String>,
    pub(super) config: Value,
    pub(super) schedule: Option<i32>,
    pub(super) consent: Option<Uuid>,
    pub(super) state: String,
    pub(super) version: i64,
    pub(super) cursor: Option<Vec<u8>>,
    pub(super) cursor_version: i64,
    pub(super) next_sync_at: Option<DateTime<Utc>>,
    pub(super) not_before: Option<DateTime<Utc>>,
    pub(super) last_sync_at: Option<DateTime<Utc>>,
    pub(super) last_error: Option<String>,
    pub(super) consecutive_failures: i32,
    pub(super) created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Account {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            plugin: row.plugin,
            name: row.name,
            owner: Snowflake(row.owner),
            space: decoded(&row.space)?,
            labels: row.labels,
            config: row.config,
            schedule: row.schedule.and_then(|seconds| u32::try_from(seconds).ok()),
            consent: row.consent,
            state: AccountState::from_stored(&row.state),
            version: row.version,
            cursor: row.cursor,
            cursor_version: row.cursor_version,
            next_sync_at: row.next_sync_at,
            not_before: row.not_before,
            last_sync_at: row.last_sync_at,
            last_error: row.last_error,
            consecutive_failures: row.consecutive_failures,
            created_at: row.created_at,
        })
    }
}

/// Adds an account that begins at once; `false`: this id is taken.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    account: &NewAccount,
    next_sync_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"INSERT INTO connectors.account
               (id, plugin, name, owner, space, labels, config, schedule, consent, state,
                next_sync_at, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'active', $10, $11)
           ON CONFLICT DO NOTHING"#,
        account.id,
        account.plugin,
        account.name,
        account.owner.0,
        account.space.as_str(),
        &account.labels,
        account.config,
        account.schedule.and_then(|seconds| i32::try_from(seconds).ok()),
        account.consent,
        next_sync_at,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// One account.
pub(crate) async fn find(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Account>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, plugin, name, owner, space, labels, config, schedule, consent, state, version,
                  cursor, cursor_version, next_sync_at, not_before, last_sync_at, last_error,
                  consecutive_failures, created_at
             FROM connectors.account WHERE id = $1"#,
        id
    )
    .fetch_optional(pool)
    .await?;
    row.map(Account::try_from).transpose()
}

/// Which accounts a list is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) plugin: Option<&'a str>,
    pub(crate) state: Option<AccountState>,
    pub(crate) space: Option<&'a str>,
    pub(crate) after: Option<Uuid>,
    pub(crate) limit: i64,
}

/// Accounts that may be seen, by id; without their cursors, which can be large.
pub(crate) async fn list(
    pool: &PgPool,
    permitted: &Permitted,
    wanted: &Wanted<'_>,
) -> sqlx::Result<Vec<Account>> {
    let (whole, partial, hidden) = permitted.parameters();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, plugin, name, owner, space, labels, config, schedule, consent, state, version,
                  NULL::bytea AS cursor, cursor_version, next_sync_at, not_before, last_sync_at, last_error,
                  consecutive_failures, created_at
             FROM connectors.account
            WHERE (space = ANY ($1) OR (space = ANY ($2) AND NOT labels && $3))
              AND ($4::text IS NULL OR plugin = $4)
              AND ($5::text IS NULL OR state = $5)
              AND ($6::text IS NULL OR space = $6)
              AND ($7::uuid IS NULL OR id > $7)
            ORDER BY id
            LIMIT $8"#,
        &whole,
        &partial,
        &hidden,
        wanted.plugin,
        wanted.state.map(AccountState::name),
        wanted.space,
        wanted.after,
        wanted.limit,
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(Account::try_from).collect()
}

/// The accounts of a person.
pub(crate) async fn of_owner(conn: &mut PgConnection, owner: Snowflake) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!("SELECT id FROM connectors.account WHERE owner = $1", owner.0)
        .fetch_all(conn)
        .await
}

/// Writes what people set, and when the account is synchronised next where that changes; `anew`: as if nothing
/// had gone wrong so far. `false`: it is not as it was read any more, or gone.
pub(crate) async fn update(
    conn: &mut PgConnection,
    account: &Account,
    was: AccountState,
    anew: bool,
    reschedule: Option<Option<DateTime<Utc>>>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"UPDATE connectors.account
              SET name = $3, space = $4, labels = $5, config = $6, schedule = $7, consent = $8,
                  state = $9,
                  last_error = CASE WHEN $10 THEN NULL ELSE last_error END,
                  consecutive_failures = CASE WHEN $10 THEN 0 ELSE consecutive_failures END,
                  next_sync_at = CASE WHEN $11 THEN $12 ELSE next_sync_at END,
                  version = version + 1
            WHERE id = $1 AND version = $2 AND state = $13"#,
        account.id,
        account.version,
        account.name,
        account.space.as_str(),
        &account.labels,
        account.config,
        account.schedule.and_then(|seconds| i32::try_from(seconds).ok()),
        account.consent,
        account.state.name(),
        anew,
        reschedule.is_some(),
        reschedule.flatten(),
        was.name(),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes accounts with their runs and webhooks; those that were there.
pub(crate) async fn delete(
    conn: &mut PgConnection,
    ids: &[Uuid],
) -> sqlx::Result<Vec<(Uuid, String, Snowflake)>> {
    let rows = sqlx::query!(
        "DELETE FROM connectors.account WHERE id = ANY ($1) RETURNING id, plugin, owner",
        ids
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.plugin, Snowflake(row.owner))).collect())
}
