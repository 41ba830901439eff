//! Versions of entities, as they are written.

use chrono::{DateTime, Utc};
use contracts::model::{Alias, Provenance, SourceKey};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::{in_one_text, space};
use crate::graph::{Content, Version};

/// A version as it is stored.
#[derive(sqlx::FromRow)]
pub(crate) struct VersionRow {
    pub(crate) id: Uuid,
    pub(crate) version: i32,
    #[sqlx(rename = "type")]
    pub(crate) class: String,
    pub(crate) space: String,
    pub(crate) data: Json<Map<String, Value>>,
    pub(crate) labels: Vec<String>,
    pub(crate) aliases: Json<Vec<Alias>>,
    pub(crate) keys: Json<Vec<SourceKey>>,
    pub(crate) valid_from: Option<DateTime<Utc>>,
    pub(crate) valid_to: Option<DateTime<Utc>>,
    pub(crate) recorded_at: DateTime<Utc>,
    pub(crate) superseded_at: Option<DateTime<Utc>>,
}

impl VersionRow {
    pub(crate) fn into_version(self) -> sqlx::Result<Version> {
        Ok(Version {
            id: self.id,
            version: self.version,
            content: Content {
                r#type: self.class,
                space: space(&self.space)?,
                data: self.data.0,
                labels: self.labels,
                aliases: self.aliases.0,
                keys: self.keys.0,
                valid_from: self.valid_from,
                valid_to: self.valid_to,
            },
            recorded_at: self.recorded_at,
            superseded_at: self.superseded_at,
        })
    }
}

/// What is known now of these entities.
pub(crate) async fn now(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Version>> {
    let rows = sqlx::query_as!(
        VersionRow,
        r#"SELECT id, version, type AS class, space, data AS "data: Json<Map<String, Value>>", labels,
                  aliases AS "aliases: Json<Vec<Alias>>", keys AS "keys: Json<Vec<SourceKey>>",
                  valid_from, valid_to, recorded_at, superseded_at
             FROM data.entity WHERE id = ANY($1) AND superseded_at IS NULL"#,
        ids
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(VersionRow::into_version).collect()
}

/// The newest version of each of these entities, also where it holds no more.
pub(crate) async fn newest(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Version>> {
    let rows = sqlx::query_as!(
        VersionRow,
        r#"SELECT e.id, e.version, e.type AS class, e.space,
                  e.data AS "data: Json<Map<String, Value>>", e.labels,
                  e.aliases AS "aliases: Json<Vec<Alias>>", e.keys AS "keys: Json<Vec<SourceKey>>",
                  e.valid_from, e.valid_to, e.recorded_at, e.superseded_at
             FROM (SELECT DISTINCT id FROM unnest($1::uuid[]) AS id) AS i
             CROSS JOIN LATERAL (SELECT * FROM data.entity n WHERE n.id = i.id
                                  ORDER BY n.version DESC LIMIT 1) AS e"#,
        ids
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(VersionRow::into_version).collect()
}

/// Closes what holds now of these entities.
pub(crate) async fn close(
    conn: &mut PgConnection,
    ids: &[Uuid],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE data.entity SET superseded_at = $2 WHERE id = ANY($1) AND superseded_at IS NULL",
        ids,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes versions, and counts them.
pub(crate) async fn insert(conn: &mut PgConnection, versions: &[Version]) -> sqlx::Result<()> {
    let texts = |of: fn(&Version) -> String| versions.iter().map(of).collect::<Vec<_>>();
    let values = |of: fn(&Version) -> Value| versions.iter().map(of).collect::<Vec<_>>();
    let times =
        |of: fn(&Version) -> Option<DateTime<Utc>>| versions.iter().map(of).collect::<Vec<_>>();
    let ids: Vec<Uuid> = versions.iter().map(|version| version.id).collect();
    let numbers: Vec<i32> = versions.iter().map(|version| version.version).collect();
    let recorded: Vec<DateTime<Utc>> = versions.iter().map(|version| version.recorded_at).collect();
    sqlx::query!(
        "WITH counted AS (
           UPDATE data.identity i SET last_version = n.version
             FROM unnest($1::uuid[], $2::integer[]) AS n(id, version) WHERE i.id = n.id
         )
         INSERT INTO data.entity (id, version, type, space, data, labels, aliases, keys, valid_from,
                                  valid_to, recorded_at)
         SELECT id, version, type, space, data, string_to_array(labels, chr(31)), aliases, keys,
                valid_from, valid_to, recorded_at
           FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::jsonb[], $6::text[],
                       $7::jsonb[], $8::jsonb[], $9::timestamptz[], $10::timestamptz[],
                       $11::timestamptz[])
             AS n(id, version, type, space, data, labels, aliases, keys, valid_from, valid_to,
                  recorded_at)",
        &ids,
        &numbers,
        &texts(|version| version.content.r#type.clone()),
        &texts(|version| version.content.space.to_string()),
        &values(|version| Value::Object(version.content.data.clone())),
        &texts(|version| in_one_text(&version.content.labels)),
        &values(|version| json!(version.content.aliases)),
        &values(|version| json!(version.content.keys)),
        &times(|version| version.content.valid_from) as &[Option<DateTime<Utc>>],
        &times(|version| version.content.valid_to) as &[Option<DateTime<Utc>>],
        &recorded
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Where versions and edges come from.
#[derive(Default)]
pub(crate) struct Origins {
    subjects: Vec<Uuid>,
    versions: Vec<i32>,
    keys: Vec<Value>,
    provenance: Vec<Value>,
}

impl Origins {
    /// One more: an entity's version, or an edge with version 0.
    pub(crate) fn push(
        &mut self,
        subject: Uuid,
        version: i32,
        key: &SourceKey,
        provenance: &Provenance,
    ) {
        self.subjects.push(subject);
        self.versions.push(version);
        self.keys.push(json!(key));
        self.provenance.push(json!(provenance));
    }
}

/// Stores where versions and edges come from; the last word of a source about a version counts.
pub(crate) async fn save_origins(conn: &mut PgConnection, origins: &Origins) -> sqlx::Result<()> {
    if origins.subjects.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO data.provenance (subject, version, source, kind, external_id, by, revision, raw,
                                      event, mapping, consent, licence, source_time)
         SELECT subject, version, key ->> 'source', key ->> 'kind', key ->> 'external_id',
                p ->> 'by', p ->> 'revision', p ->> 'raw', (p ->> 'event')::uuid, p ->> 'mapping',
                (p ->> 'consent')::uuid, p ->> 'licence', (p ->> 'source_time')::timestamptz
           FROM unnest($1::uuid[], $2::integer[], $3::jsonb[], $4::jsonb[]) AS n(subject, version, key, p)
         ON CONFLICT (subject, version, source, kind, external_id) DO UPDATE
            SET by = excluded.by, revision = excluded.revision, raw = excluded.raw,
                event = excluded.event, mapping = excluded.mapping, consent = excluded.consent,
                licence = excluded.licence, source_time = excluded.source_time",
        &origins.subjects,
        &origins.versions,
        &origins.keys,
        &origins.provenance
    )
    .execute(conn)
    .await?;
    Ok(())
}
