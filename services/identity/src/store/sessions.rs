//! Web sessions.

use chrono::{DateTime, Utc};
use spine::Snowflake;
use sqlx::{PgConnection, PgPool};

/// Inserts a session.
pub(crate) async fn insert(
    pool: &PgPool,
    hash: &[u8],
    account_id: Snowflake,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    user_agent: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"INSERT INTO identity.session
               (token_hash, account_id, created_at, last_seen_at, expires_at, user_agent)
           VALUES ($1, $2, $3, $3, $4, $5)"#,
        hash,
        account_id.0,
        now,
        expires_at,
        user_agent
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// The session's account and end, moved on because it is used. Written at most once an hour.
pub(crate) async fn touch(
    pool: &PgPool,
    hash: &[u8],
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<Option<(Snowflake, DateTime<Utc>)>> {
    let row = sqlx::query!(
        r#"WITH moved AS (
               UPDATE identity.session SET last_seen_at = $2, expires_at = $3
                WHERE token_hash = $1 AND expires_at > $2
                  AND last_seen_at < $2 - interval '1 hour'
           )
           SELECT account_id, expires_at FROM identity.session
            WHERE token_hash = $1 AND expires_at > $2"#,
        hash,
        now,
        expires_at
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| (Snowflake(row.account_id), row.expires_at)))
}

/// Ends one session.
pub(crate) async fn delete(pool: &PgPool, hash: &[u8]) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM identity.session WHERE token_hash = $1", hash).execute(pool).await?;
    Ok(())
}

/// Ends every session of a person.
pub(crate) async fn delete_all_of(
    conn: &mut PgConnection,
    account_id: Snowflake,
) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM identity.session WHERE account_id = $1", account_id.0)
        .execute(conn)
        .await?;
    Ok(())
}
