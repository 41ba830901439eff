//! What is to be forgotten.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// Drops contents by their hashes, and remembers that they are not to come back. What says that a record is
/// gone has no content.
pub(crate) async fn contents(
    conn: &mut PgConnection,
    hashes: &[Vec<u8>],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH gone AS (DELETE FROM etl.record WHERE hash = ANY($1) AND NOT deleted)
         INSERT INTO etl.erased (hash, erased_at) SELECT DISTINCT hash, $2::timestamptz FROM UNNEST($1) AS hash
         ON CONFLICT DO NOTHING",
        hashes,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Drops all that an account brought.
pub(crate) async fn account(conn: &mut PgConnection, account: Uuid) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM etl.record WHERE account = $1", account).execute(conn).await?;
    Ok(())
}

/// Which of these contents were erased.
pub(crate) async fn among(
    conn: &mut PgConnection,
    hashes: &[Vec<u8>],
) -> sqlx::Result<HashSet<Vec<u8>>> {
    let erased = sqlx::query_scalar!("SELECT hash FROM etl.erased WHERE hash = ANY($1)", hashes)
        .fetch_all(conn)
        .await?;
    Ok(erased.into_iter().collect())
}
