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
    pub(crate) labels: Vec<String>,
    pub(crate) revision: Option<String>,
    pub(crate) source_time: Option<DateTime<Utc>>,
    pub(crate) received_at: DateTime<Utc>,
    pub(crate) state: String,
    pub(crate) mapping: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) drafts: i32,
    pub(crate) mapped_at: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "id, account, plugin, owner, kind, external_id, deleted, newest, hash, size, media_type, space, \
                       labels, revision, source_time, received_at, state, mapping, reason, drafts, mapped_at";

/// Which records.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordFilter {
    pub(crate) account: Option<Uuid>,
    pub(crate) kind: Option<String>,
    pub(crate) state: Option<&'static str>,
}

/// Records that the asker may see, those that came first at the end, before the given one.
pub(crate) async fn list(
    pool: &PgPool,
    filter: &RecordFilter,
    permitted: &Permitted,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<RecordRow>> {
    let (whole, partial, hidden) = permitted.parameters();
    let mut query = QueryBuilder::new("SELECT ");
    query.push(COLUMNS).push(" FROM etl.record WHERE (space = ANY(").push_bind(whole);
    query.push(") OR (space = ANY(").push_bind(partial);
    query.push(") AND NOT labels && ").push_bind(hidden).push("))");
    if let Some(account) = filter.account {
        query.push(" AND account = ").push_bind(account);
    }
    if let Some(kind) = &filter.kind {
        query.push(" AND kind = ").push_bind(kind.clone());
    }
    if let Some(state) = filter.state {
        query.push(" AND state = ").push_bind(state);
    }
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before);
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

/// A record.
pub(crate) async fn find(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<RecordRow>> {
    sqlx::query_as!(
        RecordRow,
        "SELECT id, account, plugin, owner, kind, external_id, deleted, newest, hash, size, media_type, space,
                labels, revision, source_time, received_at, state, mapping, reason, drafts, mapped_at
           FROM etl.record WHERE id = $1",
        id
    )
    .fetch_optional(pool)
    .await
}

/// A record's payload, compressed and sealed.
pub(crate) async fn payload(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar!("SELECT payload FROM etl.record WHERE id = $1", id)
        .fetch_optional(pool)
        .await
}
