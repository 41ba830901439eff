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
    pub(crate) publisher_key: Option<Vec<u8>>,
    pub(crate) added_at: DateTime<Utc>,
}

/// A version on its way into the store.
pub(crate) struct Release<'a> {
    pub(crate) digest: &'a Digest,
    pub(crate) manifest: &'a str,
    pub(crate) description: &'a Description,
    /// Who signed it.
    pub(crate) publisher_key: Option<&'a [u8]>,
}

/// Keeps a version; one of the same name is replaced, which the caller has made sure is not called.
pub(crate) async fn keep(
    conn: &mut PgConnection,
    plugin: &str,
    version: &str,
    release: &Release<'_>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let schema: &Value = &release.description.config_schema;
    sqlx::query!(
        "INSERT INTO plugins.version (plugin, version, digest, manifest, config_schema, kinds, added_at,
                                      publisher_key)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (plugin, version) DO UPDATE
            SET digest = EXCLUDED.digest, manifest = EXCLUDED.manifest,
                config_schema = EXCLUDED.config_schema, kinds = EXCLUDED.kinds, added_at = EXCLUDED.added_at,
                publisher_key = EXCLUDED.publisher_key",
        plugin,
        version,
        &release.digest[..],
        release.manifest,
        schema,
        &release.description.kinds,
        now,
        release.publisher_key
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Those of a plugin, newest first.
pub(crate) async fn of(pool: &PgPool, plugin: &str) -> sqlx::Result<Vec<Version>> {
    sqlx::query_as!(
        Version,
        "SELECT version, digest, manifest, publisher_key, added_at FROM plugins.version
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
        "SELECT version, digest, manifest, publisher_key, added_at FROM plugins.version
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
