//! Installed plugins.

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use tokio::sync::Semaphore;

use crate::engine::Bounds;
use crate::error::PluginsError;
use crate::manifest::Manifest;
use crate::plugin::{Capabilities, Grant, Installed, PluginState, slots};

struct Row {
    revision: i64,
    state: String,
    pending: Option<String>,
    granted: Option<Value>,
    granted_by: Option<String>,
    publisher_key: Option<Vec<u8>>,
    reason: Option<String>,
    installed_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    digest: Vec<u8>,
    manifest: String,
    config_schema: Value,
    kinds: Vec<String>,
}

impl Row {
    fn read(self) -> Result<Installed, PluginsError> {
        let strange = |what: String| PluginsError::Stored(what);
        let manifest =
            Manifest::parse(&self.manifest).map_err(|error| strange(error.to_string()))?;
        let granted: Option<Grant> = self
            .granted
            .map(serde_json::from_value)
            .transpose()
            .map_err(|error| strange(error.to_string()))?;
        let asks = Capabilities::of(&manifest);
        let is_granted =
            granted.as_ref().is_some_and(|granted| asks.fits_within(&granted.capabilities));
        let kinds: Arc<[String]> = self.kinds.into();
        let bounds = Bounds {
            limits: manifest.limits(),
            kinds: Arc::clone(&kinds),
            plugin: manifest.id.as_str().into(),
        };
        Ok(Installed {
            is_granted,
            slots: Semaphore::new(slots(&bounds.limits)),
            bounds,
            revision: self.revision,
            state: self.state.parse().map_err(strange)?,
            digest: self.digest.try_into().map_err(|_| strange("a digest".to_owned()))?,
            config_schema: self.config_schema,
            kinds,
            granted,
            granted_by: self.granted_by,
            pending: self.pending,
            publisher_key: self.publisher_key,
            reason: self.reason,
            installed_at: self.installed_at,
            changed_at: self.changed_at,
            hosts: manifest.hosts().into(),
            secrets: manifest.secrets.clone().into(),
            manifest,
            validator: OnceLock::new(),
        })
    }
}

/// All of them, or one.
pub(crate) async fn read(
    pool: &PgPool,
    id: Option<&str>,
) -> Result<Vec<Arc<Installed>>, PluginsError> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT p.revision, p.state, p.pending, p.granted, p.granted_by, p.publisher_key, p.reason,
                p.installed_at, p.changed_at, v.digest, v.manifest, v.config_schema, v.kinds
           FROM plugins.plugin p
           JOIN plugins.version v ON v.plugin = p.id AND v.version = p.version
          WHERE $1::text IS NULL OR p.id = $1
          ORDER BY p.id",
        id
    )
    .fetch_all(pool)
    .await?;
    let mut plugins = Vec::with_capacity(rows.len());
    for row in rows {
        match row.read() {
            Ok(installed) => plugins.push(Arc::new(installed)),
            Err(error) if id.is_some() => return Err(error),
            // One that an older or newer node has left does not keep this one from starting.
            Err(error) => tracing::error!(%error, "a plugin that is installed cannot be read"),
        }
    }
    Ok(plugins)
}

/// One, locked until the transaction ends.
pub(crate) async fn lock(
    conn: &mut PgConnection,
    id: &str,
) -> Result<Option<Installed>, PluginsError> {
    let row = sqlx::query_as!(
        Row,
        "SELECT p.revision, p.state, p.pending, p.granted, p.granted_by, p.publisher_key, p.reason,
                p.installed_at, p.changed_at, v.digest, v.manifest, v.config_schema, v.kinds
           FROM plugins.plugin p
           JOIN plugins.version v ON v.plugin = p.id AND v.version = p.version
          WHERE p.id = $1
            FOR UPDATE OF p",
        id
    )
    .fetch_optional(conn)
    .await?;
    row.map(Row::read).transpose()
}

/// Adds one. Answers whether there was none of this id.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    id: &str,
    version: &str,
    publisher_key: Option<&[u8]>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO plugins.plugin (id, revision, state, version, publisher_key, installed_at, changed_at)
         VALUES ($1, nextval('plugins.revision'), 'installed', $2, $3, $4, $4)
         ON CONFLICT (id) DO NOTHING",
        id,
        version,
        publisher_key,
        now
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What is changed of a plugin.
pub(crate) struct Change<'a> {
    pub(crate) state: PluginState,
    pub(crate) version: &'a str,
    pub(crate) pending: Option<&'a str>,
    pub(crate) granted: Option<&'a Grant>,
    pub(crate) granted_by: Option<&'a str>,
    pub(crate) publisher_key: Option<&'a [u8]>,
    pub(crate) reason: Option<&'a str>,
}

impl<'a> Change<'a> {
    /// As it is.
    pub(crate) fn none(installed: &'a Installed, version: &'a str) -> Self {
        Self {
            state: installed.state,
            version,
            pending: installed.pending.as_deref(),
            granted: installed.granted.as_ref(),
            granted_by: installed.granted_by.as_deref(),
            publisher_key: installed.publisher_key.as_deref(),
            reason: installed.reason.as_deref(),
        }
    }
}

/// Changes a plugin that is locked.
pub(crate) async fn update(
    conn: &mut PgConnection,
    id: &str,
    change: &Change<'_>,
    now: DateTime<Utc>,
) -> Result<(), PluginsError> {
    let granted = change
        .granted
        .map(serde_json::to_value)
        .transpose()
        .map_err(|error| PluginsError::Stored(error.to_string()))?;
    sqlx::query!(
        "UPDATE plugins.plugin
            SET revision = nextval('plugins.revision'), state = $2, version = $3, pending = $4, granted = $5,
                granted_by = $6, granted_at = CASE WHEN granted IS DISTINCT FROM $5 THEN $9 ELSE granted_at END,
                publisher_key = $7, reason = $8, changed_at = $9
          WHERE id = $1",
        id,
        change.state.name(),
        change.version,
        change.pending,
        granted,
        change.granted_by,
        change.publisher_key,
        change.reason,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes one, with its versions, secrets, state and health.
pub(crate) async fn delete(conn: &mut PgConnection, id: &str) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM plugins.plugin WHERE id = $1", id).execute(conn).await?;
    Ok(())
}
