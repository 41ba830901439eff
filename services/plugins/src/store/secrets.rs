//! Secrets of accounts, sealed.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// A secret as it is stored.
pub(crate) struct Sealed {
    pub(crate) sealed: Vec<u8>,
    pub(crate) revision: i64,
}

/// That a secret is set, and nothing of it.
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) complete: bool,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) set_at: DateTime<Utc>,
}

/// Whose secret, and its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) plugin: String,
    pub(crate) account: Uuid,
    pub(crate) name: String,
}

pub(crate) async fn find(pool: &PgPool, place: &Place) -> sqlx::Result<Option<Sealed>> {
    sqlx::query_as!(
        Sealed,
        "SELECT sealed, revision FROM plugins.secret WHERE plugin = $1 AND account = $2 AND name = $3",
        place.plugin,
        place.account,
        place.name
    )
    .fetch_optional(pool)
    .await
}

/// What is set for an account.
pub(crate) async fn told(pool: &PgPool, plugin: &str, account: Uuid) -> sqlx::Result<Vec<Told>> {
    sqlx::query_as!(
        Told,
        "SELECT name, complete, expires_at, set_at FROM plugins.secret
          WHERE plugin = $1 AND account = $2 ORDER BY name",
        plugin,
        account
    )
    .fetch_all(pool)
    .await
}

/// Sets a secret, whatever was there.
pub(crate) async fn set(
    conn: &mut PgConnection,
    place: &Place,
    sealed: &[u8],
    complete: bool,
    expires_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO plugins.secret (plugin, account, name, sealed, complete, revision, expires_at, set_at)
         VALUES ($1, $2, $3, $4, $5, 1, $6, $7)
         ON CONFLICT (plugin, account, name) DO UPDATE
            SET sealed = EXCLUDED.sealed, complete = EXCLUDED.complete,
                revision = plugins.secret.revision + 1, expires_at = EXCLUDED.expires_at,
                set_at = EXCLUDED.set_at, refreshing_until = NULL",
        place.plugin,
        place.account,
        place.name,
        sealed,
        complete,
        expires_at,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds a secret where there is none. Answers whether there was none.
pub(crate) async fn add(
    conn: &mut PgConnection,
    place: &Place,
    sealed: &[u8],
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO plugins.secret (plugin, account, name, sealed, complete, revision, set_at)
         VALUES ($1, $2, $3, $4, false, 1, $5)
         ON CONFLICT (plugin, account, name) DO NOTHING",
        place.plugin,
        place.account,
        place.name,
        sealed,
        now
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes a begun sign-in beside what was read, where it is still that. Answers whether it was.
pub(crate) async fn begin(
    conn: &mut PgConnection,
    place: &Place,
    read: i64,
    sealed: &[u8],
    complete: bool,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE plugins.secret SET sealed = $5, complete = $6, revision = revision + 1
          WHERE plugin = $1 AND account = $2 AND name = $3 AND revision = $4",
        place.plugin,
        place.account,
        place.name,
        read,
        sealed,
        complete
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes the turn to refresh a token until then, where it is still the one that was read and nobody has the
/// turn. Answers whether it was taken.
pub(crate) async fn take_turn(
    pool: &PgPool,
    place: &Place,
    read: i64,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE plugins.secret SET refreshing_until = $6
          WHERE plugin = $1 AND account = $2 AND name = $3 AND revision = $4
            AND (refreshing_until IS NULL OR refreshing_until <= $5)",
        place.plugin,
        place.account,
        place.name,
        read,
        now,
        until
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives the turn back that lasts until then.
pub(crate) async fn end_turn(
    pool: &PgPool,
    place: &Place,
    until: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE plugins.secret SET refreshing_until = NULL
          WHERE plugin = $1 AND account = $2 AND name = $3 AND refreshing_until = $4",
        place.plugin,
        place.account,
        place.name,
        until
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Replaces a secret where it is still the one that was read. Answers whether it was.
pub(crate) async fn replace(
    conn: &mut PgConnection,
    place: &Place,
    read: i64,
    sealed: &[u8],
    expires_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE plugins.secret
            SET sealed = $5, complete = true, revision = revision + 1, expires_at = $6, set_at = $7,
                refreshing_until = NULL
          WHERE plugin = $1 AND account = $2 AND name = $3 AND revision = $4",
        place.plugin,
        place.account,
        place.name,
        read,
        sealed,
        expires_at,
        now
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets one. Answers whether it was there.
pub(crate) async fn remove(conn: &mut PgConnection, place: &Place) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM plugins.secret WHERE plugin = $1 AND account = $2 AND name = $3",
        place.plugin,
        place.account,
        place.name
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets secrets and state of an account.
pub(crate) async fn forget(
    conn: &mut PgConnection,
    plugin: &str,
    account: Uuid,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH secrets AS (DELETE FROM plugins.secret WHERE plugin = $1 AND account = $2)
         DELETE FROM plugins.state WHERE plugin = $1 AND account = $2",
        plugin,
        account
    )
    .execute(conn)
    .await?;
    Ok(())
}
