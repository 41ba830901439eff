//! States, where Postgres keeps them.

use chrono::{DateTime, Utc};
use contracts::access::Permitted;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::state::{Key, State, latest};

struct Row {
    subject: String,
    facet: String,
    space: String,
    labels: Vec<String>,
    value: Value,
    at: DateTime<Utc>,
    since: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    source: String,
}

impl Row {
    fn into_state(self) -> Option<State> {
        Some(State {
            space: self.space.parse().ok()?,
            subject: self.subject,
            facet: self.facet,
            labels: self.labels,
            value: self.value,
            at: self.at,
            since: self.since,
            expires_at: self.expires_at,
            source: self.source,
        })
    }
}

/// The states of these keys that are known, expired or not.
pub(crate) async fn read(conn: &mut PgConnection, keys: &[Key]) -> sqlx::Result<Vec<State>> {
    let (subjects, facets): (Vec<String>, Vec<String>) =
        keys.iter().map(|key| (key.subject.clone(), key.facet.clone())).unzip();
    let rows = sqlx::query_as!(
        Row,
        "SELECT subject, facet, space, labels, value, at, since, expires_at, source
           FROM present.state
          WHERE (subject, facet) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
        &subjects,
        &facets
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().filter_map(Row::into_state).collect())
}

/// The state of this key, expired or not.
pub(crate) async fn one(pool: &PgPool, key: &Key) -> sqlx::Result<Option<State>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT subject, facet, space, labels, value, at, since, expires_at, source
           FROM present.state WHERE subject = $1 AND facet = $2",
        key.subject,
        key.facet
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.and_then(Row::into_state))
}

/// All states of a subject.
pub(crate) async fn of_subject(pool: &PgPool, subject: &str) -> sqlx::Result<Vec<State>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT subject, facet, space, labels, value, at, since, expires_at, source
           FROM present.state WHERE subject = $1 ORDER BY facet",
        subject
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().filter_map(Row::into_state).collect())
}

/// The states that hold of the next subjects that are permitted, in the subjects' order.
pub(crate) async fn list(
    pool: &PgPool,
    permitted: &Permitted,
    after: &str,
    now: DateTime<Utc>,
    subjects: i64,
) -> sqlx::Result<Vec<State>> {
    let (whole, partial, hidden) = permitted.parameters();
    let rows = sqlx::query_as!(
        Row,
        "WITH seen AS (
           SELECT * FROM present.state
            WHERE subject > $1 AND expires_at > $2 AND at <= $7
              AND (space = ANY($3) OR (space = ANY($4) AND NOT labels && $5)))
         SELECT subject, facet, space, labels, value, at, since, expires_at, source FROM seen
          WHERE subject IN (SELECT DISTINCT subject FROM seen ORDER BY subject LIMIT $6)
          ORDER BY subject, facet",
        after,
        now,
        &whole,
        &partial,
        &hidden,
        subjects,
        latest(now)
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().filter_map(Row::into_state).collect())
}

/// Writes states, one a key; what is older than what is there changes nothing, unless that is of times to
/// come.
pub(crate) async fn write(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    states: &Value,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO present.state AS s
                (subject, facet, space, labels, value, at, since, expires_at, source)
         SELECT subject, facet, space, labels, value, at, since, expires_at, source
           FROM jsonb_to_recordset($1::jsonb) AS i (
                subject text, facet text, space text, labels text[], value jsonb, at timestamptz,
                since timestamptz, expires_at timestamptz, source text)
          ORDER BY subject, facet
         ON CONFLICT (subject, facet) DO UPDATE
            SET space = excluded.space, labels = excluded.labels, value = excluded.value,
                at = excluded.at, since = excluded.since, expires_at = excluded.expires_at,
                source = excluded.source
          WHERE s.at <= excluded.at OR s.at > $2",
        states,
        latest(now)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes states.
pub(crate) async fn remove(conn: &mut PgConnection, keys: &[Key]) -> sqlx::Result<()> {
    let (subjects, facets): (Vec<String>, Vec<String>) =
        keys.iter().map(|key| (key.subject.clone(), key.facet.clone())).unzip();
    sqlx::query!(
        "DELETE FROM present.state
          WHERE (subject, facet) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
        &subjects,
        &facets
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what is of this subject, or was reported by it, with its readings.
pub(crate) async fn forget(conn: &mut PgConnection, who: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH gone AS (
           DELETE FROM present.state WHERE subject = $1 OR source = $1 RETURNING subject, facet)
         DELETE FROM present.reading
          WHERE subject = $1 OR source = $1 OR (subject, facet) IN (SELECT subject, facet FROM gone)",
        who
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The states after this key, locked: whoever removes one waits.
pub(crate) async fn locked_after(
    conn: &mut PgConnection,
    after: &Key,
    most: i64,
) -> sqlx::Result<Vec<State>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT subject, facet, space, labels, value, at, since, expires_at, source
           FROM present.state WHERE (subject, facet) > ($1, $2)
          ORDER BY subject, facet LIMIT $3 FOR UPDATE",
        after.subject,
        after.facet,
        most
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().filter_map(Row::into_state).collect())
}

/// A place or a caller was erased: what names them in states says so no more. Returns the states as they
/// are now.
pub(crate) async fn unname(conn: &mut PgConnection, entity: Uuid) -> sqlx::Result<Vec<State>> {
    let rows = sqlx::query_as!(
        Row,
        r#"UPDATE present.state
              SET value = CASE facet
                          WHEN 'location' THEN value || '{"place": null, "place_entity": null}'
                          ELSE jsonb_set(value, '{from}',
                                 '{"address": null, "entity": null, "name": null, "roles": []}') END
            WHERE (facet = 'location' AND value ->> 'place_entity' = $1::uuid::text)
               OR (facet = 'call' AND value #>> '{from,entity}' = $1::uuid::text)
           RETURNING subject, facet, space, labels, value, at, since, expires_at, source"#,
        entity
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().filter_map(Row::into_state).collect())
}

/// Removes what expired, and what is of times to come.
pub(crate) async fn sweep(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM present.state WHERE expires_at <= $1 OR at > $2", now, latest(now))
        .execute(conn)
        .await?;
    Ok(())
}
