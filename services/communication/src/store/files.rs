//! The bytes of files that came with messages.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// Keeps one.
pub(crate) async fn keep(
    conn: &mut PgConnection,
    message: Uuid,
    number: i32,
    data: &[u8],
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO communication.file (message, number, data) VALUES ($1, $2, $3)",
        message,
        number,
        data
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Reads one.
pub(crate) async fn find(
    pool: &PgPool,
    message: Uuid,
    number: i32,
) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar!(
        "SELECT data FROM communication.file WHERE message = $1 AND number = $2",
        message,
        number
    )
    .fetch_optional(pool)
    .await
}
