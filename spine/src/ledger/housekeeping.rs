//! What the ledger needs now and then: partitions ahead of time, and the end of keys whose time is
//! over.

use chrono::{DateTime, Utc};
use sqlx::{Connection, Executor, PgConnection, PgPool};

use crate::SpineError;

/// Brings the ledger into working order: its partitions, and its order where a dump was restored
/// into a server whose transactions count from lower.
///
/// # Errors
/// The database failed.
pub(crate) async fn prepare(conn: &mut PgConnection) -> Result<(), SpineError> {
    let raised = sqlx::query_scalar!(r#"SELECT spine.guard_order() AS "raised!""#)
        .fetch_one(&mut *conn)
        .await?;
    if raised {
        tracing::warn!(
            "this server counts transactions from below what the ledger holds (a restored dump?): \
             the ledger's order goes on from its highest number"
        );
    }
    let made = sqlx::query_scalar!(r#"SELECT spine.ensure_partitions() AS "made!""#)
        .fetch_one(&mut *conn)
        .await?;
    if made > 0 {
        tracing::info!(made, "made partitions of the ledger");
    }
    Ok(())
}

/// [`prepare`], and destroys the keys whose time is over; what was destroyed lately also goes from
/// the disk. Returns how many keys ended.
///
/// # Errors
/// The database failed.
pub(crate) async fn keep_house(pool: &PgPool, now: DateTime<Utc>) -> Result<u64, SpineError> {
    let mut conn = pool.acquire().await?;
    let mut transaction = conn.begin().await?;
    prepare(&mut transaction).await?;
    transaction.commit().await?;
    let destroyed = sqlx::query!(
        "UPDATE spine.subject_key SET wrapped = NULL, destroyed_at = $1
          WHERE wrapped IS NOT NULL AND expires_at <= $1",
        now
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    let lately = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM spine.subject_key WHERE destroyed_at > $1) AS "lately!""#,
        now - chrono::Duration::hours(3)
    )
    .fetch_one(&mut *conn)
    .await?;
    if lately {
        // A destroyed key lies in a dead row until it is vacuumed: not left to chance.
        conn.execute("VACUUM spine.subject_key").await?;
    }
    Ok(destroyed)
}
