//! Reports of devices, remembered for as long as they may come again.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// Notes that a device reports. It stays as it is until the transaction ends; `false`: it was removed.
pub(crate) async fn seen(
    conn: &mut PgConnection,
    device: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE connectors.device SET last_seen_at = $2 WHERE id = $1 AND removed_at IS NULL",
        device,
        now
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Remembers reports by their ids; those that were not known.
pub(crate) async fn remember(
    conn: &mut PgConnection,
    device: Uuid,
    reports: &[&str],
    now: DateTime<Utc>,
) -> sqlx::Result<HashSet<String>> {
    let new = sqlx::query_scalar!(
        r#"INSERT INTO connectors.device_report (device, report, received_at)
           SELECT $1, report, $3 FROM unnest($2::text[]) AS report
           ON CONFLICT DO NOTHING
           RETURNING report"#,
        device,
        reports as &[&str],
        now
    )
    .fetch_all(conn)
    .await?;
    Ok(new.into_iter().collect())
}

/// Forgets reports from before a time.
pub(crate) async fn forget(pool: &PgPool, before: DateTime<Utc>) -> sqlx::Result<u64> {
    let done = sqlx::query!("DELETE FROM connectors.device_report WHERE received_at < $1", before)
        .execute(pool)
        .await?;
    Ok(done.rows_affected())
}
