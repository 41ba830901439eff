//! Reading entities as they are known now, or were known then.

use chrono::{DateTime, Utc};
use contracts::access::{Permitted, SpaceId};
use contracts::model::{Alias, SourceKey};
use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::entities::VersionRow;
use super::{only_permitted, places};
use crate::graph::Version;

/// The columns of a version.
pub(super) const COLUMNS: &str = "e.id, e.version, e.type, e.space, e.data, e.labels, e.aliases, e.keys, \
                                  e.valid_from, e.valid_to, e.recorded_at, e.superseded_at";

/// Which entities.
#[derive(Clone, Debug, Default)]
pub(crate) struct EntityFilter {
    pub(crate) class: Option<String>,
    pub(crate) alias: Option<Alias>,
    pub(crate) space: Option<SpaceId>,
    pub(crate) label: Option<String>,
    pub(crate) updated_since: Option<DateTime<Utc>>,
}

fn narrow(query: &mut QueryBuilder<Postgres>, filter: &EntityFilter) {
    if let Some(class) = &filter.class {
        query.push(" AND e.type = ").push_bind(class.clone());
    }
    if let Some(label) = &filter.label {
        query.push(" AND e.labels @> ").push_bind(vec![label.clone()]);
    }
    if let Some(since) = filter.updated_since {
        query.push(" AND e.recorded_at >= ").push_bind(since);
    }
    if let Some(alias) = &filter.alias {
        query.push(
            " AND e.id IN (SELECT i.root FROM data.alias a JOIN data.identity i ON i.id = a.entity
               WHERE a.scheme = ",
        );
        query.push_bind(alias.scheme.clone()).push(" AND a.value = ");
        query.push_bind(alias.value.clone()).push(")");
    }
}

/// Entities of a filter that the asker may see, the newest ones first. Each space is read by itself, in
/// order: however little of the graph somebody sees, no more of it is read than a page a space.
pub(crate) async fn list(
    pool: &PgPool,
    filter: &EntityFilter,
    permitted: &Permitted,
    before: Option<Uuid>,
    limit: usize,
) -> sqlx::Result<Vec<Version>> {
    let mut places = places(permitted);
    places.retain(|(space, _)| filter.space.as_ref().is_none_or(|only| only == *space));
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut query = QueryBuilder::new("SELECT * FROM (");
    for (number, (space, hidden)) in places.into_iter().enumerate() {
        query.push(if number == 0 { "(SELECT " } else { " UNION ALL (SELECT " });
        query
            .push(COLUMNS)
            .push(" FROM data.entity e WHERE e.superseded_at IS NULL AND e.space = ");
        query.push_bind(space.to_string());
        if !hidden.is_empty() {
            query.push(" AND NOT e.labels && ").push_bind(hidden.to_vec());
        }
        narrow(&mut query, filter);
        if let Some(before) = before {
            query.push(" AND e.id < ").push_bind(before);
        }
        query.push(" ORDER BY e.id DESC LIMIT ").push_bind(limit).push(")");
    }
    query.push(") AS e ORDER BY e.id DESC LIMIT ").push_bind(limit);
    // Planned anew each time, for these spaces: a plan for any of them walks all entities for each in which there are
    // none, which is most of them.
    let rows: Vec<VersionRow> = query.build_query_as().persistent(false).fetch_all(pool).await?;
    rows.into_iter().map(VersionRow::into_version).collect()
}

/// How many entities of a filter the asker may see.
pub(crate) async fn count(
    pool: &PgPool,
    filter: &EntityFilter,
    permitted: &Permitted,
) -> sqlx::Result<i64> {
    let mut query =
        QueryBuilder::new("SELECT count(*) FROM data.entity e WHERE e.superseded_at IS NULL AND ");
    only_permitted(&mut query, "e", permitted);
    if let Some(space) = &filter.space {
        query.push(" AND e.space = ").push_bind(space.to_string());
    }
    narrow(&mut query, filter);
    query.build_query_scalar().fetch_one(pool).await
}

/// What is known now of the entity that has this id, or that the one with it became part of, and who keeps
/// it: who brought the first of its keys.
pub(crate) async fn current(
    pool: &PgPool,
    id: Uuid,
) -> sqlx::Result<Option<(Version, Option<String>)>> {
    let row = sqlx::query!(
        r#"SELECT e.id, e.version, e.type AS class, e.space,
                  e.data AS "data: Json<Map<String, Value>>", e.labels,
                  e.aliases AS "aliases: Json<Vec<Alias>>", e.keys AS "keys: Json<Vec<SourceKey>>",
                  e.valid_from, e.valid_to, e.recorded_at, e.superseded_at,
                  (SELECT k.provenance ->> 'by' FROM data.source_key k
                    WHERE k.entity = e.id AND k.provenance ->> 'by' IS NOT NULL
                    ORDER BY k.id LIMIT 1) AS keeper
             FROM data.identity i
             JOIN data.entity e ON e.id = i.root AND e.superseded_at IS NULL
            WHERE i.id = $1 AND i.erased_at IS NULL"#,
        id
    )
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let version = VersionRow {
        id: row.id,
        version: row.version,
        class: row.class,
        space: row.space,
        data: row.data,
        labels: row.labels,
        aliases: row.aliases,
        keys: row.keys,
        valid_from: row.valid_from,
        valid_to: row.valid_to,
        recorded_at: row.recorded_at,
        superseded_at: row.superseded_at,
    };
    Ok(Some((version.into_version()?, row.keeper)))
}

/// The entity that this is part of now, where it is known at all.
pub(crate) async fn root(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!("SELECT root FROM data.identity WHERE id = $1 AND erased_at IS NULL", id)
        .fetch_optional(pool)
        .await
}

/// The version of an entity that was known at a time.
pub(crate) async fn known_on(
    pool: &PgPool,
    id: Uuid,
    then: DateTime<Utc>,
) -> sqlx::Result<Option<Version>> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(COLUMNS).push(
        " FROM data.entity e JOIN data.identity i ON i.id = e.id
          WHERE i.erased_at IS NULL AND e.id = ",
    );
    query.push_bind(id).push(" AND e.recorded_at <= ").push_bind(then);
    query.push(" AND (e.superseded_at IS NULL OR e.superseded_at > ").push_bind(then);
    query.push(") ORDER BY e.version DESC LIMIT 1");
    let row: Option<VersionRow> = query.build_query_as().fetch_optional(pool).await?;
    row.map(VersionRow::into_version).transpose()
}

/// The newest version of an entity, also where it holds no more.
pub(crate) async fn newest(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Version>> {
    let mut conn = pool.acquire().await?;
    Ok(super::entities::newest(&mut conn, &[id]).await?.pop())
}

/// Several entities as they are known now.
pub(crate) async fn many(pool: &PgPool, ids: &[Uuid]) -> sqlx::Result<Vec<Version>> {
    let mut conn = pool.acquire().await?;
    super::entities::now(&mut conn, ids).await
}

/// Who keeps an entity: who brought the first of its keys.
pub(crate) async fn keepers(pool: &PgPool, ids: &[Uuid]) -> sqlx::Result<Vec<(Uuid, String)>> {
    let rows = sqlx::query!(
        r#"SELECT DISTINCT ON (k.entity) k.entity, k.provenance ->> 'by' AS "by!"
             FROM data.source_key k
            WHERE k.entity = ANY($1) AND k.provenance ->> 'by' IS NOT NULL
            ORDER BY k.entity, k.id"#,
        ids
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.entity, row.by)).collect())
}
