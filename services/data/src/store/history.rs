//! An entity's versions, each with where it comes from.

use std::collections::HashMap;

use contracts::access::Permitted;
use contracts::model::{Provenance, SourceKey};
use sqlx::{PgPool, QueryBuilder};
use uuid::Uuid;

use super::entities::VersionRow;
use super::only_permitted;
use super::read::COLUMNS;
use crate::graph::Version;

/// Where a version or an edge comes from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) key: SourceKey,
    pub(crate) provenance: Provenance,
}

/// The versions of an entity that the asker may see, the newest first, before the given one.
pub(crate) async fn versions(
    pool: &PgPool,
    id: Uuid,
    permitted: Option<&Permitted>,
    before: Option<i32>,
    limit: usize,
) -> sqlx::Result<Vec<Version>> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(COLUMNS).push(" FROM data.entity e WHERE e.id = ").push_bind(id);
    if let Some(permitted) = permitted {
        query.push(" AND ");
        only_permitted(&mut query, "e", permitted);
    }
    if let Some(before) = before {
        query.push(" AND e.version < ").push_bind(before);
    }
    query.push(" ORDER BY e.version DESC LIMIT ");
    query.push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows: Vec<VersionRow> = query.build_query_as().fetch_all(pool).await?;
    rows.into_iter().map(VersionRow::into_version).collect()
}

/// Where these versions of a subject come from, by version.
pub(crate) async fn origins(
    pool: &PgPool,
    subject: Uuid,
    versions: &[i32],
) -> sqlx::Result<HashMap<i32, Vec<Origin>>> {
    let rows = sqlx::query!(
        "SELECT version, source, kind, external_id, by, revision, raw, event, mapping, consent,
                licence, source_time
           FROM data.provenance WHERE subject = $1 AND version = ANY($2)
          ORDER BY version, source, kind, external_id",
        subject,
        versions
    )
    .fetch_all(pool)
    .await?;
    let mut origins: HashMap<i32, Vec<Origin>> = HashMap::new();
    for row in rows {
        let key = SourceKey { source: row.source, kind: row.kind, external_id: row.external_id };
        let provenance = Provenance {
            by: row.by,
            revision: row.revision,
            raw: row.raw,
            event: row.event,
            mapping: row.mapping,
            consent: row.consent,
            licence: row.licence,
            source_time: row.source_time,
        };
        origins.entry(row.version).or_default().push(Origin { key, provenance });
    }
    Ok(origins)
}
