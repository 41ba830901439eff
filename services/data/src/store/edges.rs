//! Edges, and those that wait for somebody to become known.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use contracts::model::{Alias, Provenance, SourceKey};
use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// An edge.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Edge {
    pub(crate) id: Uuid,
    /// The key whose source says so; none: made by itself.
    pub(crate) key: Option<i64>,
    pub(crate) source: String,
    pub(crate) from: Uuid,
    pub(crate) rel: String,
    pub(crate) to: Uuid,
    pub(crate) props: Map<String, Value>,
    pub(crate) confidence: f32,
    pub(crate) valid_from: Option<DateTime<Utc>>,
    pub(crate) valid_to: Option<DateTime<Utc>>,
    pub(crate) recorded_at: DateTime<Utc>,
}

/// The edges that these keys hold now.
pub(crate) async fn of_keys(conn: &mut PgConnection, keys: &[i64]) -> sqlx::Result<Vec<Edge>> {
    let rows = sqlx::query!(
        r#"SELECT id, key, source, from_id, rel, to_id, props AS "props: Json<Map<String, Value>>",
                  confidence, valid_from, valid_to, recorded_at
             FROM data.edge WHERE key = ANY($1) AND superseded_at IS NULL ORDER BY id"#,
        keys
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Edge {
            id: row.id,
            key: row.key,
            source: row.source,
            from: row.from_id,
            rel: row.rel,
            to: row.to_id,
            props: row.props.0,
            confidence: row.confidence,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
            recorded_at: row.recorded_at,
        })
        .collect())
}

/// An edge that holds now, by id.
pub(crate) async fn find(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Edge>> {
    let row = sqlx::query!(
        r#"SELECT id, key, source, from_id, rel, to_id, props AS "props: Json<Map<String, Value>>",
                  confidence, valid_from, valid_to, recorded_at
             FROM data.edge WHERE id = $1 AND superseded_at IS NULL"#,
        id
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| Edge {
        id: row.id,
        key: row.key,
        source: row.source,
        from: row.from_id,
        rel: row.rel,
        to: row.to_id,
        props: row.props.0,
        confidence: row.confidence,
        valid_from: row.valid_from,
        valid_to: row.valid_to,
        recorded_at: row.recorded_at,
    }))
}

/// Closes edges; those of them that held until now.
pub(crate) async fn close(
    conn: &mut PgConnection,
    ids: &[Uuid],
    now: DateTime<Utc>,
) -> sqlx::Result<HashSet<Uuid>> {
    let closed = sqlx::query_scalar!(
        "UPDATE data.edge SET superseded_at = $2 WHERE id = ANY($1) AND superseded_at IS NULL
         RETURNING id",
        ids,
        now
    )
    .fetch_all(conn)
    .await?;
    Ok(closed.into_iter().collect())
}

/// Writes edges; those of them that were not there.
pub(crate) async fn insert(conn: &mut PgConnection, edges: &[Edge]) -> sqlx::Result<HashSet<Uuid>> {
    let ids = |of: fn(&Edge) -> Uuid| edges.iter().map(of).collect::<Vec<_>>();
    let times = |of: fn(&Edge) -> Option<DateTime<Utc>>| edges.iter().map(of).collect::<Vec<_>>();
    let keys: Vec<Option<i64>> = edges.iter().map(|edge| edge.key).collect();
    let sources: Vec<String> = edges.iter().map(|edge| edge.source.clone()).collect();
    let rels: Vec<String> = edges.iter().map(|edge| edge.rel.clone()).collect();
    let props: Vec<Value> = edges.iter().map(|edge| Value::Object(edge.props.clone())).collect();
    let confidence: Vec<f32> = edges.iter().map(|edge| edge.confidence).collect();
    let recorded: Vec<DateTime<Utc>> = edges.iter().map(|edge| edge.recorded_at).collect();
    let made = sqlx::query_scalar!(
        "INSERT INTO data.edge (id, key, source, from_id, rel, to_id, props, confidence, valid_from,
                                valid_to, recorded_at)
         SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::uuid[], $5::text[], $6::uuid[],
                              $7::jsonb[], $8::real[], $9::timestamptz[], $10::timestamptz[],
                              $11::timestamptz[])
         ON CONFLICT (id) DO NOTHING
         RETURNING id",
        &ids(|edge| edge.id),
        &keys as &[Option<i64>],
        &sources,
        &ids(|edge| edge.from),
        &rels,
        &ids(|edge| edge.to),
        &props,
        &confidence,
        &times(|edge| edge.valid_from) as &[Option<DateTime<Utc>>],
        &times(|edge| edge.valid_to) as &[Option<DateTime<Utc>>],
        &recorded
    )
    .fetch_all(conn)
    .await?;
    Ok(made.into_iter().collect())
}

/// An edge that waits until somebody in its space has its alias.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) key: i64,
    pub(crate) from: Uuid,
    pub(crate) rel: String,
    pub(crate) alias: Alias,
    pub(crate) space: String,
    pub(crate) props: Map<String, Value>,
    pub(crate) confidence: f32,
    pub(crate) valid_from: Option<DateTime<Utc>>,
    pub(crate) valid_to: Option<DateTime<Utc>>,
}

/// Replaces what waits for these keys.
pub(crate) async fn replace_pending(
    conn: &mut PgConnection,
    keys: &[i64],
    pending: &[Pending],
) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM data.pending_edge WHERE key = ANY($1)", keys)
        .execute(&mut *conn)
        .await?;
    if pending.is_empty() {
        return Ok(());
    }
    let texts = |of: fn(&Pending) -> &String| {
        pending.iter().map(|edge| of(edge).clone()).collect::<Vec<String>>()
    };
    let times =
        |of: fn(&Pending) -> Option<DateTime<Utc>>| pending.iter().map(of).collect::<Vec<_>>();
    let ids: Vec<Uuid> = pending.iter().map(|_| Uuid::now_v7()).collect();
    let of_keys: Vec<i64> = pending.iter().map(|edge| edge.key).collect();
    let from: Vec<Uuid> = pending.iter().map(|edge| edge.from).collect();
    let props: Vec<Value> = pending.iter().map(|edge| Value::Object(edge.props.clone())).collect();
    let confidence: Vec<f32> = pending.iter().map(|edge| edge.confidence).collect();
    sqlx::query!(
        "INSERT INTO data.pending_edge (id, key, from_id, rel, scheme, value, space, props, confidence,
                                        valid_from, valid_to)
         SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[],
                              $7::text[], $8::jsonb[], $9::real[], $10::timestamptz[],
                              $11::timestamptz[])",
        &ids,
        &of_keys,
        &from,
        &texts(|edge| &edge.rel),
        &texts(|edge| &edge.alias.scheme),
        &texts(|edge| &edge.alias.value),
        &texts(|edge| &edge.space),
        &props,
        &confidence,
        &times(|edge| edge.valid_from) as &[Option<DateTime<Utc>>],
        &times(|edge| edge.valid_to) as &[Option<DateTime<Utc>>]
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An edge that waits no more, and whose word it is.
pub(crate) struct Taken {
    pub(crate) pending: Pending,
    pub(crate) key: SourceKey,
    pub(crate) provenance: Provenance,
}

/// What waited for one of these aliases in these spaces, and waits no more.
pub(crate) async fn take_pending(
    conn: &mut PgConnection,
    aliases: &[(Alias, String)],
) -> sqlx::Result<Vec<Taken>> {
    let schemes: Vec<String> = aliases.iter().map(|(alias, _)| alias.scheme.clone()).collect();
    let values: Vec<String> = aliases.iter().map(|(alias, _)| alias.value.clone()).collect();
    let spaces: Vec<String> = aliases.iter().map(|(_, space)| space.clone()).collect();
    let rows = sqlx::query!(
        r#"WITH taken AS (
             DELETE FROM data.pending_edge p
              USING (SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::text[])
                       AS w(scheme, value, space)) AS w
              WHERE (p.scheme, p.value, p.space) = (w.scheme, w.value, w.space)
             RETURNING p.*
           )
           SELECT t.key, t.from_id, t.rel, t.scheme, t.value, t.space,
                  t.props AS "props: Json<Map<String, Value>>", t.confidence, t.valid_from, t.valid_to,
                  k.source, k.kind, k.external_id,
                  k.provenance AS "provenance: Json<Provenance>"
             FROM taken t JOIN data.source_key k ON k.id = t.key ORDER BY t.id"#,
        &schemes,
        &values,
        &spaces
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Taken {
            pending: Pending {
                key: row.key,
                from: row.from_id,
                rel: row.rel,
                alias: Alias { scheme: row.scheme, value: row.value },
                space: row.space,
                props: row.props.0,
                confidence: row.confidence,
                valid_from: row.valid_from,
                valid_to: row.valid_to,
            },
            key: SourceKey { source: row.source, kind: row.kind, external_id: row.external_id },
            provenance: row.provenance.map(|provenance| provenance.0).unwrap_or_default(),
        })
        .collect())
}
