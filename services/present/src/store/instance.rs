//! The name of this node's keys on a shared Redis.

use sqlx::PgPool;
use uuid::Uuid;

/// The name, made at first use.
pub(crate) async fn id(pool: &PgPool) -> sqlx::Result<Uuid> {
    sqlx::query!(
        "INSERT INTO present.instance (id) VALUES ($1) ON CONFLICT (single) DO NOTHING",
        Uuid::new_v4()
    )
    .execute(pool)
    .await?;
    sqlx::query_scalar!("SELECT id FROM present.instance").fetch_one(pool).await
}
