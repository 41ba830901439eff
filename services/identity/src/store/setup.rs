//! The setup code.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

/// Stores a new code in place of the one before.
pub(crate) async fn replace(pool: &PgPool, hash: &[u8], now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        r#"INSERT INTO identity.setup_code (code_hash, created_at) VALUES ($1, $2)
           ON CONFLICT (only_one)
           DO UPDATE SET code_hash = excluded.code_hash, created_at = excluded.created_at,
                         used_at = NULL"#,
        hash,
        now
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Uses the code up; `false`: wrong, used, or the node has people.
pub(crate) async fn take(
    conn: &mut PgConnection,
    hash: &[u8],
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"UPDATE identity.setup_code SET used_at = $2
            WHERE code_hash = $1 AND used_at IS NULL
              AND NOT EXISTS (SELECT FROM identity.person)"#,
        hash,
        now
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
