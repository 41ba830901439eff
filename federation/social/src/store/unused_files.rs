//! Rows of files that no profile shows, and that are to be removed.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Says of files that they are to be removed after this time.
pub async fn insert(
    conn: &mut PgConnection,
    paths: &[&str],
    remove_after: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO social.unused_file (path, remove_after)
         SELECT path, $2 FROM unnest($1::text[]) AS item(path)
         ON CONFLICT (path) DO UPDATE SET remove_after = excluded.remove_after",
        paths as &[&str],
        remove_after,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes files into use; whether all were there to be taken.
pub async fn take(conn: &mut PgConnection, paths: &[&str]) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM social.unused_file WHERE path = ANY($1::text[])",
        paths as &[&str],
    )
    .execute(conn)
    .await?;
    Ok(usize::try_from(done.rows_affected()).is_ok_and(|taken| taken == paths.len()))
}

/// Removes up to `most` rows whose time has come; the files, for the caller to remove before its
/// transaction ends.
pub async fn remove_due(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    most: i64,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "DELETE FROM social.unused_file WHERE path IN (
             SELECT path FROM social.unused_file
              WHERE remove_after <= $1
              ORDER BY remove_after LIMIT $2 FOR UPDATE SKIP LOCKED)
         RETURNING path",
        now,
        most,
    )
    .fetch_all(conn)
    .await
}
