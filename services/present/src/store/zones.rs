//! Places with coordinates.

use std::collections::BTreeMap;

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

/// What is known of an entity now: a place, or none.
#[derive(Clone, Debug)]
pub(crate) struct ZoneChange {
    /// The entity.
    pub(crate) entity: Uuid,
    /// Twice its version, one more where it is gone with it.
    pub(crate) revision: i64,
    /// The place; none where it is gone, or is none any more.
    pub(crate) zone: Option<Zone>,
}

/// Keeps places as they are now, unless a newer version of them is known. What was never kept, and is no
/// place, is not remembered.
pub(crate) async fn change(conn: &mut PgConnection, changes: Vec<ZoneChange>) -> sqlx::Result<()> {
    let mut newest: BTreeMap<Uuid, ZoneChange> = BTreeMap::new();
    for change in changes {
        let older = newest.get(&change.entity).is_none_or(|one| one.revision < change.revision);
        if older {
            newest.insert(change.entity, change);
        }
    }
    let (mut ended, mut end_revisions) = (Vec::new(), Vec::new());
    let (mut zones, mut revisions) = (Vec::new(), Vec::new());
    for (entity, change) in newest {
        match change.zone {
            Some(zone) => {
                zones.push(zone);
                revisions.push(change.revision);
            }
            None => {
                ended.push(entity);
                end_revisions.push(change.revision);
            }
        }
    }
    if !ended.is_empty() {
        sqlx::query!(
            "UPDATE present.zone z
                SET revision = e.revision, gone = true, name = '', latitude = 0, longitude = 0
               FROM unnest($1::uuid[], $2::bigint[]) AS e (entity, revision)
              WHERE z.entity = e.entity AND z.revision < e.revision",
            &ended,
            &end_revisions
        )
        .execute(&mut *conn)
        .await?;
    }
    if !zones.is_empty() {
        put(conn, &zones, &revisions).await?;
    }
    Ok(())
}

async fn put(conn: &mut PgConnection, zones: &[Zone], revisions: &[i64]) -> sqlx::Result<()> {
    let entities: Vec<Uuid> = zones.iter().map(|zone| zone.entity).collect();
    let spaces: Vec<String> = zones.iter().map(|zone| zone.space.to_string()).collect();
    let names: Vec<String> = zones.iter().map(|zone| zone.name.clone()).collect();
    let latitudes: Vec<f64> = zones.iter().map(|zone| zone.point.latitude).collect();
    let longitudes: Vec<f64> = zones.iter().map(|zone| zone.point.longitude).collect();
    let radii: Vec<f64> = zones.iter().map(|zone| zone.radius).collect();
    sqlx::query!(
        "INSERT INTO present.zone AS z
                (entity, revision, gone, space, name, latitude, longitude, radius)
         SELECT entity, revision, false, space, name, latitude, longitude, radius
           FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::double precision[],
                       $6::double precision[], $7::double precision[])
                AS i (entity, revision, space, name, latitude, longitude, radius)
         ON CONFLICT (entity) DO UPDATE
            SET revision = excluded.revision, gone = false, space = excluded.space,
                name = excluded.name, latitude = excluded.latitude,
                longitude = excluded.longitude, radius = excluded.radius
          WHERE z.revision < excluded.revision",
        &entities,
        revisions,
        &spaces,
        &names,
        &latitudes,
        &longitudes,
        &radii
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

/// A person was erased: their own places are forgotten.
pub(crate) async fn erase_of_space(conn: &mut PgConnection, space: &SpaceId) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM present.zone WHERE space = $1", space.as_str()).execute(conn).await?;
    Ok(())
}

/// A place was erased.
pub(crate) async fn erase(conn: &mut PgConnection, entity: Uuid) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM present.zone WHERE entity = $1", entity).execute(conn).await?;
    Ok(())
}
