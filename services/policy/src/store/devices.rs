//! Devices, as the connectors' events tell of them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::engine::Device;

/// Keeps a device as it is now. One that was removed stays removed.
pub(crate) async fn put(
    conn: &mut PgConnection,
    device: Device,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"INSERT INTO policy.device AS known (id, owner, removed, changed_at)
           VALUES ($1, $2, $3, $4)
               ON CONFLICT (id) DO UPDATE
              SET owner = excluded.owner, removed = excluded.removed, changed_at = excluded.changed_at
            WHERE NOT known.removed
              AND (known.owner, known.removed) IS DISTINCT FROM (excluded.owner, excluded.removed)"#,
        device.id,
        device.owner.0,
        device.removed,
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// All.
pub(crate) async fn all(conn: &mut PgConnection) -> sqlx::Result<Vec<Device>> {
    let rows = sqlx::query!("SELECT id, owner, removed FROM policy.device").fetch_all(conn).await?;
    let device = |id, owner, removed| Device { id, owner: spine::Snowflake(owner), removed };
    Ok(rows.into_iter().map(|row| device(row.id, row.owner, row.removed)).collect())
}
