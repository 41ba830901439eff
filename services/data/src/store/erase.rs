//! Dropping what is known of an entity, in all its versions.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// An entity and all that became part of it.
pub(crate) async fn members(conn: &mut PgConnection, root: Uuid) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT id AS "id!" FROM data.identity WHERE id = $1
         UNION SELECT id FROM data.identity WHERE root = $1 AND root <> id ORDER BY 1"#,
        root
    )
    .fetch_all(conn)
    .await
}

/// The raw records that these entities were made from.
pub(crate) async fn records(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT DISTINCT raw AS "raw!" FROM data.provenance
            WHERE raw IS NOT NULL
              AND subject = ANY($1::uuid[] || ARRAY(SELECT id FROM data.edge WHERE from_id = ANY($1)))
            ORDER BY 1"#,
        ids
    )
    .fetch_all(conn)
    .await
}

/// Drops content, keys, aliases, edges and origins of these entities; of the keys a hash stays.
pub(crate) async fn content(
    conn: &mut PgConnection,
    ids: &[Uuid],
    key_hashes: &[Vec<u8>],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO data.erased_key (hash, erased_at) SELECT hash, $2 FROM unnest($1::bytea[]) AS hash
         ON CONFLICT (hash) DO NOTHING",
        key_hashes,
        now
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "DELETE FROM data.provenance
          WHERE subject = ANY($1::uuid[] || ARRAY(
                    SELECT id FROM data.edge WHERE from_id = ANY($1) OR to_id = ANY($1)))",
        ids
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("DELETE FROM data.edge WHERE from_id = ANY($1) OR to_id = ANY($1)", ids)
        .execute(&mut *conn)
        .await?;
    // With them go their aliases, and what waits for others.
    sqlx::query!("DELETE FROM data.source_key WHERE entity = ANY($1)", ids)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("DELETE FROM data.embedding WHERE entity = ANY($1)", ids)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("DELETE FROM data.match WHERE one = ANY($1) OR other = ANY($1)", ids)
        .execute(&mut *conn)
        .await?;
    sqlx::query!(
        "UPDATE data.entity
            SET data = '{}', aliases = '[]', keys = '[]', valid_from = NULL, valid_to = NULL,
                superseded_at = coalesce(superseded_at, $2)
          WHERE id = ANY($1)",
        ids,
        now
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE data.identity SET erased_at = $2 WHERE id = ANY($1) AND erased_at IS NULL",
        ids,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
