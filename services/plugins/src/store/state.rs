//! State that plugins keep for accounts.

use async_trait::async_trait;
use sqlx::PgPool;
use uuid::Uuid;

use crate::host::state::{EACH, KeyValues, StateFailure};

/// The state of one plugin, in Postgres.
pub(crate) struct PluginStates {
    pub(crate) pool: PgPool,
    pub(crate) plugin: String,
}

#[async_trait]
impl KeyValues for PluginStates {
    async fn get(&self, account: Uuid, key: &str) -> Result<Option<Vec<u8>>, StateFailure> {
        let value = sqlx::query_scalar!(
            "SELECT value FROM plugins.state WHERE plugin = $1 AND account = $2 AND key = $3",
            self.plugin,
            account,
            key
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(value)
    }

    async fn set(
        &self,
        account: Uuid,
        key: &str,
        value: &[u8],
        quota: u64,
    ) -> Result<bool, StateFailure> {
        let done = sqlx::query!(
            "INSERT INTO plugins.state (plugin, account, key, value)
             SELECT $1::text, $2::uuid, $3::text, $4::bytea
              WHERE octet_length($3) + octet_length($4) + $6::bigint + (
                      SELECT coalesce(sum(octet_length(key) + octet_length(value) + $6::bigint), 0)
                        FROM plugins.state WHERE plugin = $1 AND account = $2 AND key <> $3
                    ) <= $5::bigint
             ON CONFLICT (plugin, account, key) DO UPDATE SET value = EXCLUDED.value",
            self.plugin,
            account,
            key,
            value,
            i64::try_from(quota).unwrap_or(i64::MAX),
            EACH as i64
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn delete(&self, account: Uuid, key: &str) -> Result<(), StateFailure> {
        sqlx::query!(
            "DELETE FROM plugins.state WHERE plugin = $1 AND account = $2 AND key = $3",
            self.plugin,
            account,
            key
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn keys(
        &self,
        account: Uuid,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StateFailure> {
        let keys = sqlx::query_scalar!(
            r#"SELECT key FROM plugins.state
                WHERE plugin = $1 AND account = $2 AND starts_with(key, $3)
                  AND ($4::text IS NULL OR key > $4)
                ORDER BY key LIMIT $5"#,
            self.plugin,
            account,
            prefix,
            after,
            i64::from(limit)
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(keys)
    }
}
