//! Versions of plugins.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};

use crate::engine::{Description, Digest};

/// A version as it is stored.
pub(crate) struct Version {
    pub(crate) version: String,
    pub(crate) digest: Vec<u8>,
    pub(crate) manifest: String,
    pub(crate) added_at: DateTime<Utc>,
}

/// Keeps a version; one of the same name is replaced, which the caller has made sure is not called.
pub(crate) async fn keep(
    conn: &mut PgConnection,
    plugin: &str,
    version: &str,
    digest: &Digest,
    manifest: &str,
    description: &Description,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let schema: &Value = &description.config_schema;
    sqlx::query!(
        "INSERT INTO plugins.version (plugin, version, digest, manifest, config_schema, kinds, added_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (plugin, version) DO UPDATE
            SET digest = EXCLUDED.digest, manifest = EXCLUDED.manifest,
                config_schema = EXCLUDED.config_schema, kinds = EXCLUDED.kinds, added_at = EXCLUDED.added_at",
        plugin,
        version,
        &digest[..],
        manifest,
        schema,
        &description.kinds,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Those of a plugin, newest first.
pub(crate) async fn of(pool: &PgPool, plugin: &str) -> sqlx::Result<Vec<Version>> {
    sqlx::query_as!(
        Version,
        "SELECT version, digest, manifest, added_at FROM plugins.version
          WHERE plugin = $1 ORDER BY added_at DESC, version DESC",
        plugin
    )
    .fetch_all(pool)
    .await
}

/// The same within a transaction.
pub(crate) async fn of_locked(conn: &mut PgConnection, plugin: &str) -> sqlx::Result<Vec<Version>> {
    sqlx::query_as!(
        Version,
        "SELECT version, digest, manifest, added_at FROM plugins.version
          WHERE plugin = $1 ORDER BY added_at DESC, version DESC",
        plugin
    )
    .fetch_all(conn)
    .await
}

/// Drops these.
pub(crate) async fn drop(
    conn: &mut PgConnection,
    plugin: &str,
    versions: &[String],
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM plugins.version WHERE plugin = $1 AND version = ANY($2)",
        plugin,
        versions
    )
    .execute(conn)
    .await?;
    Ok(())
}
