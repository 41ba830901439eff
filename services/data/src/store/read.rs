//! Reading entities as they are known now, or were known then.

use chrono::{DateTime, Utc};
use contracts::access::{Permitted, SpaceId};
use contracts::model::Alias;
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::entities::VersionRow;
use super::only_permitted;
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

fn narrow(query: &mut QueryBuilder<Postgres>, filter: &EntityFilter, permitted: &Permitted) {
    query.push(" WHERE e.superseded_at IS NULL AND ");
    only_permitted(query, "e", permitted);
    if let Some(class) = &filter.class {
        query.push(" AND e.type = ").push_bind(class.clone());
    }
    if let Some(space) = &filter.space {
        query.push(" AND e.space = ").push_bind(space.to_string());
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

/// Entities of a filter that the asker may see, the newest ones first.
pub(crate) async fn list(
    pool: &PgPool,
    filter: &EntityFilter,
    permitted: &Permitted,
    before: Option<Uuid>,
    limit: usize,
) -> sqlx::Result<Vec<Version>> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(COLUMNS).push(" FROM data.entity e");
    narrow(&mut query, filter, permitted);
    if let Some(before) = before {
        query.push(" AND e.id < ").push_bind(before);
    }
    query.push(" ORDER BY e.id DESC LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows: Vec<VersionRow> = query.build_query_as().fetch_all(pool).await?;
    rows.into_iter().map(VersionRow::into_version).collect()
}

/// How many entities of a filter the asker may see.
pub(crate) async fn count(
    pool: &PgPool,
    filter: &EntityFilter,
    permitted: &Permitted,
) -> sqlx::Result<i64> {
    let mut query = QueryBuilder::new("SELECT count(*) FROM data.entity e");
    narrow(&mut query, filter, permitted);
    query.build_query_scalar().fetch_one(pool).await
}

/// The entity that this is part of now, where it is known at all.
pub(crate) async fn root(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!("SELECT root FROM data.identity WHERE id = $1 AND erased_at IS NULL", id)
        .fetch_optional(pool)
        .await
}

/// The version of an entity that was known at a time (now, where none is named), if it held on the
/// day that is named.
pub(crate) async fn version(
    pool: &PgPool,
    id: Uuid,
    known_on: Option<DateTime<Utc>>,
    valid_on: Option<DateTime<Utc>>,
) -> sqlx::Result<Option<Version>> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(COLUMNS).push(
        " FROM data.entity e JOIN data.identity i ON i.id = e.id
          WHERE i.erased_at IS NULL AND e.id = ",
    );
    query.push_bind(id);
    match known_on {
        None => {
            query.push(" AND e.superseded_at IS NULL");
        }
        Some(then) => {
            query.push(" AND e.recorded_at <= ").push_bind(then);
            query.push(" AND (e.superseded_at IS NULL OR e.superseded_at > ").push_bind(then);
            query.push(")");
        }
    }
    if let Some(day) = valid_on {
        query.push(" AND (e.valid_from IS NULL OR e.valid_from <= ").push_bind(day);
        query.push(") AND (e.valid_to IS NULL OR e.valid_to > ").push_bind(day).push(")");
    }
    query.push(" ORDER BY e.version DESC LIMIT 1");
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
