//! The change feed.

use chrono::{DateTime, Utc};
use contracts::access::{Permitted, SpaceId};
use sqlx::{PgConnection, PgPool, QueryBuilder};
use uuid::Uuid;

use super::{in_one_text, places, space};

/// What happened to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Created,
    Changed,
    Deleted,
}

impl ChangeKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Deleted => "deleted",
        }
    }
}

/// A change, as those in its place learn of it.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) entity: Uuid,
    pub(crate) version: i32,
    pub(crate) kind: ChangeKind,
    pub(crate) class: String,
    pub(crate) space: SpaceId,
    pub(crate) labels: Vec<String>,
}

/// Appends changes, in their order.
pub(crate) async fn append(
    conn: &mut PgConnection,
    changes: &[Change],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let texts = |of: fn(&Change) -> String| changes.iter().map(of).collect::<Vec<_>>();
    let entities: Vec<Uuid> = changes.iter().map(|change| change.entity).collect();
    let versions: Vec<i32> = changes.iter().map(|change| change.version).collect();
    let labels: Vec<String> = changes.iter().map(|change| in_one_text(&change.labels)).collect();
    sqlx::query!(
        "INSERT INTO data.change (entity, version, kind, type, space, labels, recorded_at)
         SELECT entity, version, kind, type, space, string_to_array(labels, chr(31)), $7
           FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[])
           WITH ORDINALITY AS n(entity, version, kind, type, space, labels, place)
          ORDER BY place",
        &entities,
        &versions,
        &texts(|change| change.kind.name().to_owned()),
        &texts(|change| change.class.clone()),
        &texts(|change| change.space.to_string()),
        &labels,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A place in the feed: after this transaction's change of this number.
pub(crate) type Place = (i64, i64);

#[derive(sqlx::FromRow)]
struct Row {
    transaction_order: i64,
    sequence: i64,
    entity: Uuid,
    version: i32,
    kind: String,
    #[sqlx(rename = "type")]
    class: String,
    space: String,
    recorded_at: DateTime<Utc>,
}

/// A change as it is read.
pub(crate) struct ReadChange {
    pub(crate) place: Place,
    pub(crate) entity: Uuid,
    pub(crate) version: i32,
    pub(crate) kind: String,
    pub(crate) class: String,
    pub(crate) space: SpaceId,
    pub(crate) recorded_at: DateTime<Utc>,
}

/// The changes after a place that the asker may see, in commit order, and the place where the next call
/// goes on. Only below the oldest running transaction: nothing can appear behind the answer.
pub(crate) async fn after(
    pool: &PgPool,
    place: Place,
    permitted: &Permitted,
    limit: usize,
) -> sqlx::Result<(Vec<ReadChange>, Place)> {
    let horizon: i64 = sqlx::query_scalar!(r#"SELECT spine.transaction_horizon() AS "horizon!""#)
        .fetch_one(pool)
        .await?;
    let places = places(permitted);
    let end_of_all = place.max((horizon - 1, i64::MAX));
    if places.is_empty() {
        return Ok((Vec::new(), end_of_all));
    }
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut query = QueryBuilder::new("SELECT * FROM (");
    for (number, (space, hidden)) in places.into_iter().enumerate() {
        query.push(if number == 0 { "(" } else { " UNION ALL (" });
        query.push(
            "SELECT c.transaction_order, c.sequence, c.entity, c.version, c.kind, c.type, c.space,
                    c.recorded_at
               FROM data.change c WHERE c.space = ",
        );
        query.push_bind(space.to_string());
        if !hidden.is_empty() {
            query.push(" AND NOT c.labels && ").push_bind(hidden.to_vec());
        }
        query.push(" AND (c.transaction_order, c.sequence) > (");
        query.push_bind(place.0).push(", ").push_bind(place.1);
        query.push(") AND c.transaction_order < ").push_bind(horizon);
        query.push(" ORDER BY c.transaction_order, c.sequence LIMIT ").push_bind(most).push(")");
    }
    query.push(") AS c ORDER BY c.transaction_order, c.sequence LIMIT ").push_bind(most);
    let rows: Vec<Row> = query.build_query_as().fetch_all(pool).await?;
    let end = match rows.last() {
        Some(last) if rows.len() >= limit => (last.transaction_order, last.sequence),
        // All below the horizon is read: what comes has a higher number than anything below it.
        _ => end_of_all,
    };
    let changes = rows
        .into_iter()
        .map(|row| {
            Ok(ReadChange {
                place: (row.transaction_order, row.sequence),
                entity: row.entity,
                version: row.version,
                kind: row.kind,
                class: row.class,
                space: space(&row.space)?,
                recorded_at: row.recorded_at,
            })
        })
        .collect::<sqlx::Result<_>>()?;
    Ok((changes, end))
}
