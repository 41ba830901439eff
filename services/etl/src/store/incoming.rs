//! Keeping records as they come in, all of a delivery in a few statements.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

/// A record at its source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) account: Uuid,
    pub(crate) kind: String,
    pub(crate) external_id: String,
}

/// A source's last word on a record: where all of it is the same, nothing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) deleted: bool,
    pub(crate) hash: Vec<u8>,
    pub(crate) space: String,
    pub(crate) labels: Vec<String>,
    pub(crate) consent: Option<Uuid>,
}

type Columns = (Vec<Uuid>, Vec<String>, Vec<String>);

fn columns(keys: &[&Key]) -> Columns {
    let accounts = keys.iter().map(|key| key.account).collect();
    let kinds = keys.iter().map(|key| key.kind.clone()).collect();
    (accounts, kinds, keys.iter().map(|key| key.external_id.clone()).collect())
}

/// The last words on these records.
pub(crate) async fn newest(
    conn: &mut PgConnection,
    keys: &[&Key],
) -> sqlx::Result<HashMap<Key, Known>> {
    let (accounts, kinds, ids) = columns(keys);
    let rows = sqlx::query!(
        "SELECT r.account, r.kind, r.external_id, r.deleted, r.hash, r.space, r.labels, r.consent
           FROM UNNEST($1::uuid[], $2::text[], $3::text[]) AS k (account, kind, external_id)
           JOIN etl.record r ON r.account = k.account AND r.kind = k.kind
                            AND r.external_id = k.external_id AND r.newest",
        &accounts,
        &kinds,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    let known = rows.into_iter().map(|row| {
        let key = Key { account: row.account, kind: row.kind, external_id: row.external_id };
        let known = Known {
            deleted: row.deleted,
            hash: row.hash,
            space: row.space,
            labels: row.labels,
            consent: row.consent,
        };
        (key, known)
    });
    Ok(known.collect())
}

/// What was the last word on these records is it no longer.
pub(crate) async fn retire(
    conn: &mut PgConnection,
    keys: &[&Key],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let (accounts, kinds, ids) = columns(keys);
    sqlx::query!(
        "WITH ending AS (
             SELECT r.id
               FROM UNNEST($1::uuid[], $2::text[], $3::text[]) AS k (account, kind, external_id)
               JOIN etl.record r ON r.account = k.account AND r.kind = k.kind
                                AND r.external_id = k.external_id AND r.newest
              ORDER BY r.id
                FOR UPDATE OF r
         )
         UPDATE etl.record AS r
            SET newest = false, replaced_at = $4,
                state = CASE WHEN state = 'waiting' THEN 'superseded' ELSE state END
           FROM ending
          WHERE r.id = ending.id",
        &accounts,
        &kinds,
        &ids,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A content to keep.
#[derive(Debug)]
pub(crate) struct Write<'a> {
    pub(crate) id: Uuid,
    pub(crate) key: &'a Key,
    /// The digest of the key that its entity has.
    pub(crate) key_hash: &'a [u8],
    pub(crate) deleted: bool,
    pub(crate) hash: &'a [u8],
    pub(crate) payload: Vec<u8>,
    pub(crate) size: i64,
    pub(crate) media_type: String,
    pub(crate) newest: bool,
    pub(crate) plugin: String,
    pub(crate) owner: i64,
    pub(crate) space: &'a str,
    pub(crate) labels: &'a [String],
    pub(crate) consent: Option<Uuid>,
    pub(crate) revision: Option<String>,
    pub(crate) source_time: Option<DateTime<Utc>>,
    pub(crate) event: Uuid,
    pub(crate) state: &'static str,
    pub(crate) reason: Option<&'static str>,
}

/// A content, kept.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) id: Uuid,
    pub(crate) key: Key,
    pub(crate) deleted: bool,
    pub(crate) hash: Vec<u8>,
}

/// Keeps contents, each of a key at most once. One that the source gave before has its id, and comes back.
pub(crate) async fn write(
    conn: &mut PgConnection,
    writes: &[Write<'_>],
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Written>> {
    let (accounts, kinds, external_ids) =
        columns(&writes.iter().map(|w| w.key).collect::<Vec<_>>());
    let labels: Vec<Value> = writes.iter().map(|w| json!(w.labels)).collect();
    let rows = sqlx::query!(
        "INSERT INTO etl.record AS known
             (id, account, kind, external_id, deleted, hash, payload, size, media_type, newest, plugin, owner,
              space, labels, consent, revision, source_time, event, received_at, state, reason, key_hash,
              replaced_at)
         SELECT id, account, kind, external_id, deleted, hash, payload, size, media_type, newest, plugin, owner,
                space, ARRAY(SELECT jsonb_array_elements_text(labels)), consent, revision, source_time, event,
                $20, state, reason, key_hash, CASE WHEN newest THEN NULL ELSE $20::timestamptz END
           FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::boolean[], $6::bytea[], $7::bytea[],
                       $8::bigint[], $9::text[], $10::boolean[], $11::text[], $12::bigint[], $13::text[],
                       $14::jsonb[], $15::uuid[], $16::text[], $17::timestamptz[], $18::uuid[], $19::text[],
                       $21::text[], $22::bytea[])
             AS new (id, account, kind, external_id, deleted, hash, payload, size, media_type, newest, plugin, owner,
                     space, labels, consent, revision, source_time, event, state, reason, key_hash)
         ON CONFLICT (account, kind, external_id, deleted, hash) DO UPDATE
            SET newest = excluded.newest, plugin = excluded.plugin, owner = excluded.owner,
                space = excluded.space, labels = excluded.labels, consent = excluded.consent,
                revision = excluded.revision, source_time = excluded.source_time, event = excluded.event,
                received_at = excluded.received_at, state = excluded.state, reason = excluded.reason,
                media_type = excluded.media_type, replaced_at = excluded.replaced_at
         RETURNING id, account, kind, external_id, deleted, hash",
        &writes.iter().map(|w| w.id).collect::<Vec<_>>(),
        &accounts,
        &kinds,
        &external_ids,
        &writes.iter().map(|w| w.deleted).collect::<Vec<_>>(),
        &writes.iter().map(|w| w.hash.to_vec()).collect::<Vec<_>>(),
        &writes.iter().map(|w| w.payload.clone()).collect::<Vec<_>>(),
        &writes.iter().map(|w| w.size).collect::<Vec<_>>(),
        &writes.iter().map(|w| w.media_type.clone()).collect::<Vec<_>>(),
        &writes.iter().map(|w| w.newest).collect::<Vec<_>>(),
        &writes.iter().map(|w| w.plugin.clone()).collect::<Vec<_>>(),
        &writes.iter().map(|w| w.owner).collect::<Vec<_>>(),
        &writes.iter().map(|w| w.space.to_owned()).collect::<Vec<_>>(),
        &labels,
        &writes.iter().map(|w| w.consent).collect::<Vec<_>>() as &[Option<Uuid>],
        &writes.iter().map(|w| w.revision.clone()).collect::<Vec<_>>() as &[Option<String>],
        &writes.iter().map(|w| w.source_time).collect::<Vec<_>>() as &[Option<DateTime<Utc>>],
        &writes.iter().map(|w| w.event).collect::<Vec<_>>(),
        &writes.iter().map(|w| w.state.to_owned()).collect::<Vec<_>>(),
        now,
        &writes.iter().map(|w| w.reason.map(str::to_owned)).collect::<Vec<_>>() as &[Option<String>],
        &writes.iter().map(|w| w.key_hash.to_vec()).collect::<Vec<_>>(),
    )
    .fetch_all(conn)
    .await?;
    let written = rows.into_iter().map(|row| Written {
        id: row.id,
        key: Key { account: row.account, kind: row.kind, external_id: row.external_id },
        deleted: row.deleted,
        hash: row.hash,
    });
    Ok(written.collect())
}
