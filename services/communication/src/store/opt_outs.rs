//! Who wants no messages through a channel.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// An address, and since when.
#[derive(Clone, Debug)]
pub(crate) struct OptOut {
    pub(crate) address: String,
    pub(crate) since: DateTime<Utc>,
}

/// Nothing goes there any more; `false`: it was so before.
pub(crate) async fn add(
    conn: &mut PgConnection,
    channel: Uuid,
    address: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"INSERT INTO communication.opt_out (channel, address, since) VALUES ($1, $2, $3)
           ON CONFLICT (channel, address) DO NOTHING"#,
        channel,
        address,
        now
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Messages go there again; `false`: they did before.
pub(crate) async fn lift(
    conn: &mut PgConnection,
    channel: Uuid,
    address: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM communication.opt_out WHERE channel = $1 AND address = $2",
        channel,
        address
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// One of these addresses to which nothing may go.
pub(crate) async fn among(
    pool: &PgPool,
    channel: Uuid,
    addresses: &[String],
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        r#"SELECT address FROM communication.opt_out WHERE channel = $1 AND address = ANY ($2)
            ORDER BY address LIMIT 1"#,
        channel,
        addresses
    )
    .fetch_optional(pool)
    .await
}

/// Those of a channel, by address.
pub(crate) async fn list(
    pool: &PgPool,
    channel: Uuid,
    after: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<OptOut>> {
    sqlx::query_as!(
        OptOut,
        r#"SELECT address, since FROM communication.opt_out
            WHERE channel = $1 AND ($2::text IS NULL OR address > $2)
            ORDER BY address LIMIT $3"#,
        channel,
        after,
        limit
    )
    .fetch_all(pool)
    .await
}
