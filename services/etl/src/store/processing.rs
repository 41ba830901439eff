//! Records whose turn it is to be mapped, and what became of them.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::mapping::RecordFacts;
use crate::record::StoredRecord;

/// The given records that are still their sources' last word.
pub(crate) async fn load(
    executor: impl PgExecutor<'_>,
    ids: &[Uuid],
) -> sqlx::Result<Vec<StoredRecord>> {
    let rows = sqlx::query!(
        r#"SELECT id, account, kind, external_id, deleted, hash, payload, size, plugin, space, labels, consent,
                  revision, source_time, event,
                  EXISTS (SELECT FROM etl.withdrawn_consent w WHERE w.consent = r.consent) AS "is_withdrawn!"
             FROM etl.record r
            WHERE id = ANY($1) AND newest
            ORDER BY id"#,
        ids
    )
    .fetch_all(executor)
    .await?;
    let unreadable = |error: contracts::access::UnreadableSpace| sqlx::Error::Decode(error.into());
    rows.into_iter()
        .map(|row| {
            Ok(StoredRecord {
                id: row.id,
                deleted: row.deleted,
                is_withdrawn: row.is_withdrawn,
                payload: row.payload,
                size: row.size,
                facts: RecordFacts {
                    account: row.account,
                    plugin: row.plugin,
                    kind: row.kind,
                    external_id: row.external_id,
                    space: row.space.parse().map_err(unreadable)?,
                    labels: row.labels,
                    consent: row.consent,
                    revision: row.revision,
                    source_time: row.source_time,
                    hash: row.hash,
                    event: Some(row.event),
                },
            })
        })
        .collect()
}

/// What became of a record.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) id: Uuid,
    /// `mapped` or `refused`.
    pub(crate) state: &'static str,
    pub(crate) mapping: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) drafts: i32,
    /// The event that brought the content that was mapped.
    pub(crate) event: Option<Uuid>,
}

/// Writes it down; answers those records that are still as they were when they were read, and may be mapped.
pub(crate) async fn mark(
    conn: &mut PgConnection,
    marks: &[Mark],
    now: DateTime<Utc>,
) -> sqlx::Result<HashSet<Uuid>> {
    let ids: Vec<Uuid> = marks.iter().map(|mark| mark.id).collect();
    let marked = sqlx::query_scalar!(
        "WITH locked AS (
             SELECT id FROM etl.record WHERE id = ANY($1) AND newest ORDER BY id FOR UPDATE
         )
         UPDATE etl.record AS r
            SET state = m.state, mapping = m.mapping, reason = m.reason, drafts = m.drafts, mapped_at = $7
           FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::uuid[])
                  AS m (id, state, mapping, reason, drafts, event),
                locked
          WHERE r.id = m.id AND r.id = locked.id AND r.event = m.event
            AND (m.state = 'refused' OR r.deleted
                 OR NOT EXISTS (SELECT FROM etl.withdrawn_consent w WHERE w.consent = r.consent))
         RETURNING r.id",
        &ids,
        &marks.iter().map(|mark| mark.state.to_owned()).collect::<Vec<_>>(),
        &marks.iter().map(|mark| mark.mapping.clone()).collect::<Vec<_>>() as &[Option<String>],
        &marks.iter().map(|mark| mark.reason.clone()).collect::<Vec<_>>() as &[Option<String>],
        &marks.iter().map(|mark| mark.drafts).collect::<Vec<_>>(),
        &marks.iter().map(|mark| mark.event).collect::<Vec<_>>() as &[Option<Uuid>],
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(marked.into_iter().collect())
}
