//! The number of what decisions rest on.

use sqlx::{PgConnection, PgPool};

/// Counts a change. Whoever changes something at the same time waits until this transaction has ended,
/// so that what is read after it is complete.
pub(crate) async fn count(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!("UPDATE policy.revision SET number = number + 1 RETURNING number")
        .fetch_one(conn)
        .await
}

/// The number now.
pub(crate) async fn current(pool: &PgPool) -> sqlx::Result<i64> {
    sqlx::query_scalar!("SELECT number FROM policy.revision").fetch_one(pool).await
}
