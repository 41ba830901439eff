//! Places with coordinates.

use contracts::access::SpaceId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::place::{Point, Zone};

/// Those that serve these spaces, and the household's.
pub(crate) async fn serving(conn: &mut PgConnection, spaces: &[String]) -> sqlx::Result<Vec<Zone>> {
    let rows = sqlx::query!(
        "SELECT entity, space, name, latitude, longitude, radius FROM present.zone
          WHERE (space = ANY($1) OR space = 'household') AND NOT gone AND NOT absorbed",
        spaces
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            Some(Zone {
                entity: row.entity,
                space: row.space.parse::<SpaceId>().ok()?,
                name: row.name,
                point: Point::new(row.latitude, row.longitude)?,
                radius: row.radius,
            })
        })
        .collect())
}

/// Keeps a place, unless a newer version of it is known.
pub(crate) async fn put(conn: &mut PgConnection, revision: i64, zone: &Zone) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO present.zone AS z
                (entity, revision, gone, space, name, latitude, longitude, radius)
         VALUES ($1, $2, false, $3, $4, $5, $6, $7)
         ON CONFLICT (entity) DO UPDATE
            SET revision = excluded.revision, gone = false, space = excluded.space,
                name = excluded.name, latitude = excluded.latitude,
                longitude = excluded.longitude, radius = excluded.radius
          WHERE z.revision < excluded.revision",
        zone.entity,
        revision,
        zone.space.as_str(),
        zone.name,
        zone.point.latitude,
        zone.point.longitude,
        zone.radius
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A place is gone, or is none any more; what was never kept is not remembered.
pub(crate) async fn end(conn: &mut PgConnection, entity: Uuid, revision: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE present.zone SET revision = $2, gone = true, name = '', latitude = 0, longitude = 0
          WHERE entity = $1 AND revision < $2",
        entity,
        revision
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A place became part of another one, or is by itself again; an older event changes nothing.
pub(crate) async fn absorb(
    conn: &mut PgConnection,
    entity: Uuid,
    absorbed: bool,
    event: Uuid,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE present.zone SET absorbed = $2, absorbed_event = $3
          WHERE entity = $1 AND absorbed_event < $3",
        entity,
        absorbed,
        event
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A place was erased.
pub(crate) async fn erase(conn: &mut PgConnection, entity: Uuid) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM present.zone WHERE entity = $1", entity).execute(conn).await?;
    Ok(())
}
