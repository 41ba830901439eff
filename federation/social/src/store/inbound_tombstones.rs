//! What was deleted before it came, and how long that is remembered.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Something that was deleted or undone and was never here.
#[derive(Clone, Debug)]
pub(crate) struct Burial {
    pub(crate) uri: String,
    pub(crate) actor_uri: String,
    /// The actor's host.
    pub(crate) host: String,
    /// When it may be forgotten.
    pub(crate) expires_at: DateTime<Utc>,
}

/// Remembers these for a while. What is remembered already stays as it is.
pub(crate) async fn bury(
    conn: &mut PgConnection,
    burials: &[Burial],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let uris: Vec<&str> = burials.iter().map(|burial| burial.uri.as_str()).collect();
    let actors: Vec<&str> = burials.iter().map(|burial| burial.actor_uri.as_str()).collect();
    let hosts: Vec<&str> = burials.iter().map(|burial| burial.host.as_str()).collect();
    let ends: Vec<DateTime<Utc>> = burials.iter().map(|burial| burial.expires_at).collect();
    sqlx::query!(
        "INSERT INTO social.tombstone (uri, actor_uri, host, deleted_at, expires_at)
         SELECT item.uri, item.actor_uri, item.host, $5, item.expires_at
           FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
                AS item(uri, actor_uri, host, expires_at)
          ORDER BY item.uri
         ON CONFLICT (uri) DO NOTHING",
        &uris as &[&str],
        &actors as &[&str],
        &hosts as &[&str],
        &ends,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets the oldest of what is remembered for a while of the hosts of these, beyond `most` a host.
/// What another transaction is about to forget is left to it.
pub(crate) async fn trim(
    conn: &mut PgConnection,
    burials: &[Burial],
    most: i64,
) -> sqlx::Result<()> {
    let mut hosts: Vec<&str> = burials.iter().map(|burial| burial.host.as_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    sqlx::query!(
        "WITH surplus AS (
           SELECT old.uri
             FROM unnest($1::text[]) AS asked(host)
            CROSS JOIN LATERAL (
                  SELECT t.uri FROM social.tombstone t
                   WHERE t.host = asked.host AND t.expires_at IS NOT NULL
                   ORDER BY t.deleted_at DESC OFFSET $2) old
         ), mine AS (
           SELECT t.uri FROM social.tombstone t
            WHERE t.uri IN (SELECT uri FROM surplus)
              FOR UPDATE SKIP LOCKED
         )
         DELETE FROM social.tombstone t USING mine WHERE t.uri = mine.uri",
        &hosts as &[&str],
        most
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets a batch of what may be forgotten at `now`; returns how many.
pub(crate) async fn forget_expired(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    batch: i64,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM social.tombstone WHERE uri IN (
             SELECT uri FROM social.tombstone WHERE expires_at <= $1 LIMIT $2)",
        now,
        batch
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Forgets a batch of what would be forgotten next, beyond the `most` that are remembered for a
/// while of all hosts; returns how many.
pub(crate) async fn forget_surplus(
    conn: &mut PgConnection,
    most: i64,
    batch: i64,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM social.tombstone WHERE uri IN (
             SELECT uri FROM social.tombstone WHERE expires_at IS NOT NULL
              ORDER BY expires_at DESC OFFSET $1 LIMIT $2)",
        most,
        batch
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// What was deleted: its id, and who deleted it.
#[derive(Debug, Clone)]
pub(crate) struct Tombstone {
    pub(crate) uri: String,
    pub(crate) actor_uri: String,
}

/// The tombstones among these ids.
pub(crate) async fn tombstones(
    conn: &mut PgConnection,
    uris: &[String],
) -> sqlx::Result<Vec<Tombstone>> {
    sqlx::query_as!(
        Tombstone,
        "SELECT uri, actor_uri FROM social.tombstone WHERE uri = ANY($1)",
        uris
    )
    .fetch_all(conn)
    .await
}
