//! Reading records, for people.

use chrono::{DateTime, Utc};
use contracts::access::Permitted;
use sqlx::{PgPool, QueryBuilder};
use uuid::Uuid;

/// A record, without its payload.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct RecordRow {
    pub(crate) id: Uuid,
    pub(crate) account: Uuid,
    pub(crate) plugin: String,
    pub(crate) owner: i64,
    pub(crate) kind: String,
    pub(crate) external_id: String,
    pub(crate) deleted: bool,
    pub(crate) newest: bool,
    pub(crate) hash: Vec<u8>,
    pub(crate) size: i64,
    pub(crate) media_type: String,
    pub(crate) space: String,
    /// Those of its account, and those that the mapping of its kind gives.
    pub(crate) labels: Vec<String>,
    /// Where the mapping of its kind puts what it makes, if not where the account has it.
    pub(crate) spaces: Vec<String>,
    pub(crate) revision: Option<String>,
    pub(crate) source_time: Option<DateTime<Utc>>,
    pub(crate) received_at: DateTime<Utc>,
    pub(crate) state: String,
    pub(crate) mapping: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) drafts: i32,
    pub(crate) mapped_at: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "r.id, r.account, r.plugin, r.owner, r.kind, r.external_id, r.deleted, r.newest, r.hash, r.size, \
                       r.media_type, r.space, r.labels || coalesce(m.labels, '{}') AS labels, \
                       coalesce(m.spaces, '{}') AS spaces, r.revision, r.source_time, r.received_at, r.state, \
                       r.mapping, r.reason, r.drafts, r.mapped_at";

const FROM: &str = " FROM etl.record r LEFT JOIN etl.mapping m ON m.kind = r.kind";
const LABELS: &str = "(r.labels || coalesce(m.labels, '{}'))";

/// Which records.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordFilter {
    pub(crate) account: Option<Uuid>,
    pub(crate) kind: Option<String>,
    pub(crate) state: Option<&'static str>,
}

/// Records that the asker may see, those that came first at the end, before the given one.
///
/// Each space is read by itself, so that a page costs the same however many records there are in others. Those of
/// one account are in one space.
pub(crate) async fn list(
    pool: &PgPool,
    filter: &RecordFilter,
    permitted: &Permitted,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<RecordRow>> {
    let (whole, mut partial, hidden) = permitted.parameters();
    partial.retain(|space| !whole.contains(space));
    let mut query = QueryBuilder::new("");
    match filter.account {
        Some(account) => {
            query
                .push("SELECT ")
                .push(COLUMNS)
                .push(FROM)
                .push(" WHERE r.account = ")
                .push_bind(account);
            query.push(" AND (r.space = ANY(").push_bind(whole.clone());
            query.push(") OR (r.space = ANY(").push_bind(partial.clone()).push(") AND NOT ");
            query.push(LABELS).push(" && ").push_bind(hidden.clone()).push("))");
        }
        None => {
            query.push("SELECT page.* FROM (SELECT unnest(").push_bind(whole.clone());
            query.push("::text[]) AS space, false AS in_part UNION ALL SELECT unnest(");
            query
                .push_bind(partial.clone())
                .push("::text[]), true) AS p CROSS JOIN LATERAL (SELECT ");
            query
                .push(COLUMNS)
                .push(FROM)
                .push(" WHERE r.space = p.space COLLATE \"C\" AND (NOT p.in_part OR NOT ");
            query.push(LABELS).push(" && ").push_bind(hidden.clone()).push(")");
        }
    }
    // What the mapping keeps closer than the account is seen by those who see that.
    let seen: Vec<String> = whole.iter().chain(&partial).cloned().collect();
    query.push(" AND (r.space NOT IN ('household', 'public') OR coalesce(m.spaces, '{}') <@ ");
    query.push_bind(whole).push(" OR (m.spaces <@ ").push_bind(seen).push(" AND NOT ");
    query.push(LABELS).push(" && ").push_bind(hidden).push("))");
    if let Some(kind) = &filter.kind {
        query.push(" AND r.kind = ").push_bind(kind.clone());
    }
    if let Some(state) = filter.state {
        query.push(" AND r.state = ").push_bind(state);
    }
    if let Some(before) = before {
        query.push(" AND r.id < ").push_bind(before);
    }
    query.push(" ORDER BY r.id DESC LIMIT ").push_bind(limit);
    if filter.account.is_none() {
        query.push(") AS page ORDER BY page.id DESC LIMIT ").push_bind(limit);
    }
    query.build_query_as().fetch_all(pool).await
}

/// A record.
pub(crate) async fn find(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<RecordRow>> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(COLUMNS).push(FROM).push(" WHERE r.id = ").push_bind(id);
    query.build_query_as().fetch_optional(pool).await
}

/// A record's payload, compressed and sealed.
pub(crate) async fn payload(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar!("SELECT payload FROM etl.record WHERE id = $1", id)
        .fetch_optional(pool)
        .await
}
