//! What was announced last.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::state::Key;

/// What was announced of a state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Announced {
    /// Where it belongs.
    pub(crate) space: SpaceId,
    /// What it was then.
    pub(crate) value: Value,
    /// When it was so.
    pub(crate) at: DateTime<Utc>,
    /// What reported it.
    pub(crate) source: String,
}

/// What was announced of these, locked: whoever ends them waits.
pub(crate) async fn locked(
    conn: &mut PgConnection,
    keys: &[Key],
) -> sqlx::Result<HashMap<Key, Announced>> {
    let (subjects, facets) = parts(keys);
    let rows = sqlx::query!(
        "SELECT subject, facet, space, value, at, source FROM present.announced
          WHERE (subject, facet) IN (SELECT * FROM unnest($1::text[], $2::text[]))
          ORDER BY subject, facet FOR UPDATE",
        &subjects,
        &facets
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let space = row.space.parse().ok()?;
            let key = Key { subject: row.subject, facet: row.facet };
            Some((key, Announced { space, value: row.value, at: row.at, source: row.source }))
        })
        .collect())
}

/// The keys after this one, at most so many.
pub(crate) async fn keys_after(
    conn: &mut PgConnection,
    after: &Key,
    most: i64,
) -> sqlx::Result<Vec<Key>> {
    let rows = sqlx::query!(
        "SELECT subject, facet FROM present.announced WHERE (subject, facet) > ($1, $2)
          ORDER BY subject, facet LIMIT $3",
        after.subject,
        after.facet,
        most
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| Key { subject: row.subject, facet: row.facet }).collect())
}

/// Writes what is announced now; `None`: nothing holds any more.
pub(crate) async fn write(
    conn: &mut PgConnection,
    changes: &HashMap<Key, Option<Announced>>,
) -> sqlx::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let ended: Vec<Key> =
        changes.iter().filter(|(_, now)| now.is_none()).map(|(key, _)| key.clone()).collect();
    let (subjects, facets) = parts(&ended);
    sqlx::query!(
        "DELETE FROM present.announced
          WHERE (subject, facet) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
        &subjects,
        &facets
    )
    .execute(&mut *conn)
    .await?;
    let held: Vec<(&Key, &Announced)> =
        changes.iter().filter_map(|(key, now)| Some((key, now.as_ref()?))).collect();
    let keys: Vec<Key> = held.iter().map(|(key, _)| (*key).clone()).collect();
    let (subjects, facets) = parts(&keys);
    let spaces: Vec<String> = held.iter().map(|(_, now)| now.space.to_string()).collect();
    let values: Vec<Value> = held.iter().map(|(_, now)| now.value.clone()).collect();
    let times: Vec<DateTime<Utc>> = held.iter().map(|(_, now)| now.at).collect();
    let sources: Vec<String> = held.iter().map(|(_, now)| now.source.clone()).collect();
    sqlx::query!(
        "INSERT INTO present.announced (subject, facet, space, value, at, source)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::timestamptz[],
                              $6::text[])
         ON CONFLICT (subject, facet) DO UPDATE
            SET space = excluded.space, value = excluded.value, at = excluded.at,
                source = excluded.source",
        &subjects,
        &facets,
        &spaces,
        &values,
        &times,
        &sources
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what is of this subject, or was reported by it.
pub(crate) async fn forget(conn: &mut PgConnection, who: &str) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM present.announced WHERE subject = $1 OR source = $1", who)
        .execute(conn)
        .await?;
    Ok(())
}

/// A place was erased: nobody is said to have left it. Of a caller only the call is remembered.
pub(crate) async fn unname(conn: &mut PgConnection, entity: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM present.announced
          WHERE facet = 'location' AND value ->> 'place_entity' = $1::uuid::text",
        entity
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE present.announced SET value = value - 'from'
          WHERE facet = 'call' AND value #>> '{from,entity}' = $1::uuid::text",
        entity
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn parts(keys: &[Key]) -> (Vec<String>, Vec<String>) {
    keys.iter().map(|key| (key.subject.clone(), key.facet.clone())).unzip()
}
