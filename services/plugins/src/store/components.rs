//! Components by their digest.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use crate::engine::Digest;

/// Keeps a component; one that is there stays, and is held until the transaction ends, so that nobody drops it
/// before a version has it.
pub(crate) async fn keep(
    conn: &mut PgConnection,
    digest: &Digest,
    wasm: &[u8],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO plugins.component (digest, wasm, added_at) VALUES ($1, $2, $3)
         ON CONFLICT (digest) DO UPDATE SET added_at = plugins.component.added_at",
        &digest[..],
        wasm,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The bytes of a component.
pub(crate) async fn fetch(pool: &PgPool, digest: &Digest) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar!("SELECT wasm FROM plugins.component WHERE digest = $1", &digest[..])
        .fetch_optional(pool)
        .await
}

/// Drops those that no version has. A component that another transaction is about to use is locked by its
/// foreign key, and stays.
pub(crate) async fn drop_unused(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM plugins.component c
          WHERE NOT EXISTS (SELECT FROM plugins.version v WHERE v.digest = c.digest)"
    )
    .execute(conn)
    .await?;
    Ok(())
}
