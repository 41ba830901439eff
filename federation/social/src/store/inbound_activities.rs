//! Which activities were applied, and whose turn it is to apply one.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Those of these activities that were applied before.
pub(crate) async fn applied(conn: &mut PgConnection, uris: &[String]) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "SELECT activity_uri FROM social.applied_activity WHERE activity_uri = ANY($1)",
        uris
    )
    .fetch_all(conn)
    .await
}

/// Claims these activities for the caller's transaction; returns those that nobody had applied.
/// Waits for another transaction that claims the same.
pub(crate) async fn claim(
    conn: &mut PgConnection,
    uris: &[String],
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "INSERT INTO social.applied_activity (activity_uri, applied_at)
         SELECT DISTINCT uri, $2::timestamptz FROM unnest($1::text[]) AS uri ORDER BY uri
         ON CONFLICT (activity_uri) DO NOTHING
         RETURNING activity_uri",
        uris,
        now
    )
    .fetch_all(conn)
    .await
}

/// Waits until no other transaction works on one of these ids, and keeps them until the caller's
/// transaction ends. What is read after it is what the others left behind.
///
/// The materialised list is read in its order, so that everyone takes the locks in the same order
/// and nobody waits in a ring; a caller asks once, for all that it will work on. Ids are hashed, as
/// locks have numbers: two ids of one number only wait for each other in vain.
pub(crate) async fn take_turns(conn: &mut PgConnection, ids: &[String]) -> sqlx::Result<()> {
    sqlx::query!(
        r#"WITH turn AS MATERIALIZED (
             SELECT DISTINCT hashtextextended(id, 0) AS key FROM unnest($1::text[]) AS id
              ORDER BY key
           )
           SELECT pg_advisory_xact_lock(key) AS "taken!: ()" FROM turn"#,
        ids
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets a batch of activities applied before `before`; returns how many.
pub(crate) async fn forget_applied(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    batch: i64,
) -> sqlx::Result<u64> {
    let result = sqlx::query!(
        "DELETE FROM social.applied_activity WHERE activity_uri IN (
             SELECT activity_uri FROM social.applied_activity WHERE applied_at < $1 LIMIT $2)",
        before,
        batch
    )
    .execute(conn)
    .await?;
    Ok(result.rows_affected())
}
