//! Keys at sources, what each source says under them, and whose they are.

use chrono::{DateTime, Utc};
use contracts::model::{Alias, Provenance, SourceKey};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::{in_one_text, space};
use crate::graph::{Contribution, Said};

/// Keys as columns.
#[derive(Default)]
pub(crate) struct KeyColumns {
    pub(crate) sources: Vec<String>,
    pub(crate) kinds: Vec<String>,
    pub(crate) external_ids: Vec<String>,
}

impl<'a> FromIterator<&'a SourceKey> for KeyColumns {
    fn from_iter<I: IntoIterator<Item = &'a SourceKey>>(keys: I) -> Self {
        let mut columns = Self::default();
        for key in keys {
            columns.sources.push(key.source.clone());
            columns.kinds.push(key.kind.clone());
            columns.external_ids.push(key.external_id.clone());
        }
        columns
    }
}

/// What is known of a key.
pub(crate) struct KnownKey {
    pub(crate) key: SourceKey,
    /// The entity that the source means.
    pub(crate) entity: Uuid,
    /// The one that it is part of now.
    pub(crate) root: Uuid,
    pub(crate) live: bool,
    pub(crate) hash: Option<Vec<u8>>,
    pub(crate) provenance: Option<Provenance>,
}

/// Those of these keys that are known.
pub(crate) async fn known(
    conn: &mut PgConnection,
    keys: &KeyColumns,
) -> sqlx::Result<Vec<KnownKey>> {
    let rows = sqlx::query!(
        r#"SELECT k.source, k.kind, k.external_id, k.entity, i.root, k.live, k.hash,
                  k.provenance AS "provenance: Json<Provenance>"
             FROM unnest($1::text[], $2::text[], $3::text[]) AS w(source, kind, external_id)
             JOIN data.source_key k USING (source, kind, external_id)
             JOIN data.identity i ON i.id = k.entity"#,
        &keys.sources,
        &keys.kinds,
        &keys.external_ids
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| KnownKey {
            key: SourceKey { source: row.source, kind: row.kind, external_id: row.external_id },
            entity: row.entity,
            root: row.root,
            live: row.live,
            hash: row.hash,
            provenance: row.provenance.map(|provenance| provenance.0),
        })
        .collect())
}

/// Those of these hashes of keys whose content was erased.
pub(crate) async fn erased(
    conn: &mut PgConnection,
    hashes: &[Vec<u8>],
) -> sqlx::Result<Vec<Vec<u8>>> {
    sqlx::query_scalar!("SELECT hash FROM data.erased_key WHERE hash = ANY($1)", hashes)
        .fetch_all(conn)
        .await
}

/// Sees to it that each key has an entity: the one given with it, where it has none yet. In the given
/// order, which must be the keys' own; waits for others who do the same.
pub(crate) async fn ensure(
    conn: &mut PgConnection,
    keys: &KeyColumns,
    entities: &[Uuid],
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH made AS (
           INSERT INTO data.source_key (source, kind, external_id, entity)
           SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[])
           ON CONFLICT (source, kind, external_id) DO NOTHING
           RETURNING entity
         )
         INSERT INTO data.identity (id, root) SELECT DISTINCT entity, entity FROM made
         ON CONFLICT (id) DO NOTHING",
        &keys.sources,
        &keys.kinds,
        &keys.external_ids,
        entities
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An entity that others are part of.
pub(crate) struct Root {
    pub(crate) id: Uuid,
    pub(crate) last_version: i32,
    pub(crate) erased: bool,
}

/// Locks these entities until the transaction ends, in their order.
pub(crate) async fn lock(conn: &mut PgConnection, roots: &[Uuid]) -> sqlx::Result<Vec<Root>> {
    sqlx::query_as!(
        Root,
        r#"SELECT id, last_version, erased_at IS NOT NULL AS "erased!"
             FROM data.identity WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE"#,
        roots
    )
    .fetch_all(conn)
    .await
}

/// The entities that these are part of, by id; what is not known, or erased, is left out.
pub(crate) async fn roots(
    conn: &mut PgConnection,
    ids: &[Uuid],
) -> sqlx::Result<Vec<(Uuid, Uuid)>> {
    let rows = sqlx::query!(
        "SELECT id, root FROM data.identity WHERE id = ANY($1) AND erased_at IS NULL",
        ids
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.root)).collect())
}

/// What all sources say of these entities and of those that are part of them, each with its root.
pub(crate) async fn contributions(
    conn: &mut PgConnection,
    roots: &[Uuid],
) -> sqlx::Result<Vec<(Uuid, Contribution)>> {
    let rows = sqlx::query!(
        r#"SELECT k.id, k.source, k.kind, k.external_id, k.entity, i.root, k.live, k.hash,
                  k.type AS kind_of, k.space, k.data AS "data: Json<Map<String, Value>>", k.labels,
                  k.valid_from, k.valid_to, k.said_at, k.event,
                  k.provenance AS "provenance: Json<Provenance>",
                  (SELECT coalesce(jsonb_agg(jsonb_build_object('scheme', a.scheme, 'value', a.value)
                                             ORDER BY a.scheme, a.value), '[]')
                     FROM data.alias a WHERE a.key = k.id) AS "aliases!: Json<Vec<Alias>>"
             FROM data.source_key k
             JOIN data.identity i ON i.id = k.entity
            WHERE k.entity = ANY($1::uuid[] || ARRAY(
                      SELECT id FROM data.identity WHERE root = ANY($1) AND root <> id))"#,
        roots
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let said = match (row.kind_of, row.space, row.data, row.said_at) {
                (Some(kind), Some(place), Some(data), Some(said_at)) => Some(Said {
                    r#type: kind,
                    space: space(&place)?,
                    data: data.0,
                    labels: row.labels,
                    aliases: row.aliases.0,
                    valid_from: row.valid_from,
                    valid_to: row.valid_to,
                    said_at,
                    provenance: row.provenance.map(|p| p.0).unwrap_or_default(),
                }),
                _ => None,
            };
            let key =
                SourceKey { source: row.source, kind: row.kind, external_id: row.external_id };
            let contribution = Contribution {
                key_id: row.id,
                key,
                entity: row.entity,
                live: row.live,
                hash: row.hash,
                event: row.event,
                said,
            };
            Ok((row.root, contribution))
        })
        .collect()
}

/// Stores what sources say now.
pub(crate) async fn save(
    conn: &mut PgConnection,
    contributions: &[&Contribution],
) -> sqlx::Result<()> {
    let mut rows = Rows::default();
    for contribution in contributions {
        rows.push(contribution);
    }
    sqlx::query!(
        "UPDATE data.source_key k
            SET live = n.live, hash = n.hash, type = n.type, space = n.space, data = n.data,
                labels = string_to_array(n.labels, chr(31)), valid_from = n.valid_from, valid_to = n.valid_to,
                said_at = n.said_at, provenance = n.provenance, event = n.event
           FROM unnest($1::bigint[], $2::boolean[], $3::bytea[], $4::text[], $5::text[], $6::jsonb[],
                       $7::text[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[],
                       $11::jsonb[], $12::uuid[])
             AS n(id, live, hash, type, space, data, labels, valid_from, valid_to, said_at, provenance,
                  event)
          WHERE k.id = n.id",
        &rows.ids,
        &rows.live,
        &rows.hashes as &[Option<Vec<u8>>],
        &rows.types as &[Option<String>],
        &rows.spaces as &[Option<String>],
        &rows.data as &[Option<Value>],
        &rows.labels,
        &rows.valid_from as &[Option<DateTime<Utc>>],
        &rows.valid_to as &[Option<DateTime<Utc>>],
        &rows.said_at as &[Option<DateTime<Utc>>],
        &rows.provenance as &[Option<Value>],
        &rows.events as &[Option<Uuid>]
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(Default)]
struct Rows {
    ids: Vec<i64>,
    live: Vec<bool>,
    hashes: Vec<Option<Vec<u8>>>,
    types: Vec<Option<String>>,
    spaces: Vec<Option<String>>,
    data: Vec<Option<Value>>,
    labels: Vec<String>,
    valid_from: Vec<Option<DateTime<Utc>>>,
    valid_to: Vec<Option<DateTime<Utc>>>,
    said_at: Vec<Option<DateTime<Utc>>>,
    provenance: Vec<Option<Value>>,
    events: Vec<Option<Uuid>>,
}

impl Rows {
    fn push(&mut self, contribution: &Contribution) {
        let said = contribution.said.as_ref();
        self.ids.push(contribution.key_id);
        self.live.push(contribution.live);
        self.hashes.push(contribution.hash.clone());
        self.types.push(said.map(|said| said.r#type.clone()));
        self.spaces.push(said.map(|said| said.space.to_string()));
        self.data.push(said.map(|said| Value::Object(said.data.clone())));
        self.labels.push(said.map(|said| in_one_text(&said.labels)).unwrap_or_default());
        self.valid_from.push(said.and_then(|said| said.valid_from));
        self.valid_to.push(said.and_then(|said| said.valid_to));
        self.said_at.push(said.map(|said| said.said_at));
        self.provenance.push(said.map(|said| serde_json::json!(said.provenance)));
        self.events.push(contribution.event);
    }
}
