//! Devices.

use chrono::{DateTime, Utc};
use contracts::access::Permitted;
use spine::Snowflake;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::device::{Device, DeviceKind};

struct Row {
    id: Uuid,
    person: i64,
    name: String,
    kind: String,
    version: i64,
    created_at: DateTime<Utc>,
    last_seen_at: Option<DateTime<Utc>>,
}

impl From<Row> for Device {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            person: Snowflake(row.person),
            name: row.name,
            kind: DeviceKind::from_stored(&row.kind),
            version: row.version,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
        }
    }
}

/// Registers a device, unless its id is taken or the person has so many already; whether it is there
/// now.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    device: &Device,
    token_hash: &[u8],
    most: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"INSERT INTO connectors.device (id, person, name, kind, token_hash, created_at)
           SELECT $1, $2, $3, $4, $5, $6
            WHERE (SELECT count(*) FROM connectors.device
                    WHERE person = $2 AND removed_at IS NULL) < $7
           ON CONFLICT DO NOTHING"#,
        device.id,
        device.person.0,
        device.name,
        device.kind.name(),
        token_hash,
        device.created_at,
        most,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// One device that is not removed.
pub(crate) async fn find(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Device>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, person, name, kind, version, created_at, last_seen_at
             FROM connectors.device WHERE id = $1 AND removed_at IS NULL"#,
        id
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(Device::from))
}

/// The device with this token.
pub(crate) async fn by_token(pool: &PgPool, hash: &[u8]) -> sqlx::Result<Option<Device>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, person, name, kind, version, created_at, last_seen_at
             FROM connectors.device WHERE token_hash = $1 AND removed_at IS NULL"#,
        hash
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(Device::from))
}

/// Devices whose person's own space may be seen, by id.
pub(crate) async fn list(
    pool: &PgPool,
    permitted: &Permitted,
    after: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Device>> {
    let (mut spaces, partial, _) = permitted.parameters();
    // Devices carry no labels: nothing hides them.
    spaces.extend(partial);
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, person, name, kind, version, created_at, last_seen_at
             FROM connectors.device
            WHERE removed_at IS NULL AND 'person:' || person = ANY ($1)
              AND ($2::uuid IS NULL OR id > $2)
            ORDER BY id
            LIMIT $3"#,
        &spaces,
        after,
        limit
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(Device::from).collect())
}

/// Renames a device; `false`: it is at another version, or gone.
pub(crate) async fn rename(
    conn: &mut PgConnection,
    device: &Device,
    name: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"UPDATE connectors.device SET name = $3, version = version + 1
            WHERE id = $1 AND version = $2 AND removed_at IS NULL"#,
        device.id,
        device.version,
        name
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives a device another token; the one before ends here. `false`: it is at another version, or gone.
pub(crate) async fn renew(
    conn: &mut PgConnection,
    device: &Device,
    token_hash: &[u8],
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"UPDATE connectors.device SET token_hash = $3, version = version + 1
            WHERE id = $1 AND version = $2 AND removed_at IS NULL"#,
        device.id,
        device.version,
        token_hash
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a device: its token ends here. What remains is its name, so that its past reports can be told.
/// `false`: it was removed before.
pub(crate) async fn remove(
    conn: &mut PgConnection,
    id: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"UPDATE connectors.device SET removed_at = $2, token_hash = NULL
            WHERE id = $1 AND removed_at IS NULL"#,
        id,
        now
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes every device of a person, whole; their ids.
pub(crate) async fn delete_all_of(
    conn: &mut PgConnection,
    person: Snowflake,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!("DELETE FROM connectors.device WHERE person = $1 RETURNING id", person.0)
        .fetch_all(conn)
        .await
}
