//! Dropping what is known of entities, in all their versions.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::keys::KeyColumns;

/// An entity, or one that became part of it.
pub(crate) struct Member {
    pub(crate) id: Uuid,
    pub(crate) root: Uuid,
    /// 0: nothing was ever told of it.
    pub(crate) last_version: i32,
}

/// These entities and all that became part of them.
pub(crate) async fn members(conn: &mut PgConnection, roots: &[Uuid]) -> sqlx::Result<Vec<Member>> {
    sqlx::query_as!(
        Member,
        r#"SELECT id AS "id!", root AS "root!", last_version AS "last_version!"
             FROM data.identity WHERE id = ANY($1)
         UNION ALL SELECT id, root, last_version
             FROM data.identity WHERE root = ANY($1) AND root <> id ORDER BY 1"#,
        roots
    )
    .fetch_all(conn)
    .await
}

/// Some of the entities that are or were in a space.
pub(crate) async fn in_space(
    conn: &mut PgConnection,
    space: &str,
    most: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT DISTINCT i.root
           FROM (SELECT id FROM data.entity WHERE space = $1 ORDER BY id LIMIT $2) AS e
           JOIN data.identity i ON i.id = e.id
          WHERE i.erased_at IS NULL ORDER BY 1",
        space,
        most
    )
    .fetch_all(conn)
    .await
}

/// Some of the entities of which a source says or said something, or to which its edges lead.
pub(crate) async fn of_source(
    conn: &mut PgConnection,
    source: &str,
    most: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT DISTINCT i.root
           FROM (SELECT entity FROM data.source_key WHERE source = $1
                  ORDER BY kind, external_id LIMIT $2) AS k
           JOIN data.identity i ON i.id = k.entity
          WHERE i.erased_at IS NULL ORDER BY 1",
        source,
        most
    )
    .fetch_all(conn)
    .await
}

/// Those that were one with any of these at some time.
pub(crate) async fn partners(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"WITH RECURSIVE near AS (
             SELECT unnest($1::uuid[]) AS id
             UNION
             SELECT CASE WHEN m.kept = n.id THEN m.absorbed ELSE m.kept END
               FROM near n JOIN data.merge m ON m.kept = n.id OR m.absorbed = n.id
           )
           SELECT id AS "id!" FROM near WHERE id <> ALL($1) ORDER BY id"#,
        ids
    )
    .fetch_all(conn)
    .await
}

/// The raw records from which these keys' words came, each with the entity of which they were said.
pub(crate) async fn records(
    conn: &mut PgConnection,
    members: &[Uuid],
    keys: &KeyColumns,
) -> sqlx::Result<Vec<(Uuid, String)>> {
    let rows = sqlx::query!(
        r#"SELECT DISTINCT s.root AS "root!", p.raw AS "raw!"
             FROM (SELECT id AS subject, root FROM data.identity WHERE id = ANY($1)
                   UNION ALL
                   SELECT g.id, i.root FROM data.edge g JOIN data.identity i ON i.id = g.from_id
                    WHERE g.from_id = ANY($1)) AS s
             JOIN data.provenance p ON p.subject = s.subject
             JOIN unnest($2::text[], $3::text[], $4::text[]) AS k(source, kind, external_id)
                  USING (source, kind, external_id)
            WHERE p.raw IS NOT NULL
            ORDER BY 1, 2"#,
        members,
        &keys.sources,
        &keys.kinds,
        &keys.external_ids
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.root, row.raw)).collect())
}

/// The versions of these entities in which these keys have a word, and those that are in a space.
pub(crate) async fn doomed(
    conn: &mut PgConnection,
    ids: &[Uuid],
    keys: &KeyColumns,
    space: Option<&str>,
) -> sqlx::Result<Vec<(Uuid, i32)>> {
    let rows = sqlx::query!(
        r#"SELECT p.subject AS "id!", p.version AS "version!"
             FROM data.provenance p
             JOIN unnest($2::text[], $3::text[], $4::text[]) AS k(source, kind, external_id)
                  USING (source, kind, external_id)
            WHERE p.subject = ANY($1)
         UNION SELECT e.id, e.version FROM data.entity e WHERE e.id = ANY($1) AND e.space = $5
            ORDER BY 1, 2"#,
        ids,
        &keys.sources,
        &keys.kinds,
        &keys.external_ids,
        space
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.version)).collect())
}

/// Drops versions, where they come from, and that they were told.
pub(crate) async fn versions(conn: &mut PgConnection, doomed: &[(Uuid, i32)]) -> sqlx::Result<()> {
    let (ids, versions): (Vec<Uuid>, Vec<i32>) = doomed.iter().copied().unzip();
    sqlx::query!(
        "WITH doomed AS MATERIALIZED (
           SELECT * FROM unnest($1::uuid[], $2::integer[]) AS d(id, version)
         ), origins AS (
           DELETE FROM data.provenance p USING doomed d
            WHERE p.subject = d.id AND p.version = d.version
         ), changes AS (
           DELETE FROM data.change c USING doomed d
            WHERE c.entity = d.id AND c.version = d.version
         ), embeddings AS (
           DELETE FROM data.embedding WHERE entity IN (SELECT id FROM doomed)
         )
         DELETE FROM data.entity e USING doomed d WHERE e.id = d.id AND e.version = d.version",
        &ids,
        &versions
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Remembers hashes of what does not come back.
pub(crate) async fn remember(
    conn: &mut PgConnection,
    hashes: &[Vec<u8>],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO data.erased_key (hash, erased_at)
         SELECT DISTINCT hash, $2::timestamptz FROM unnest($1::bytea[]) AS hash ORDER BY hash
         ON CONFLICT (hash) DO NOTHING",
        hashes,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Drops these keys: what is said under them, their aliases, their edges, and what waits for others.
pub(crate) async fn words(conn: &mut PgConnection, keys: &[i64]) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM data.provenance
          WHERE subject = ANY(ARRAY(SELECT id FROM data.edge WHERE key = ANY($1)))",
        keys
    )
    .execute(&mut *conn)
    .await?;
    let ends =
        sqlx::query_scalar!("DELETE FROM data.edge WHERE key = ANY($1) RETURNING to_id", keys)
            .fetch_all(&mut *conn)
            .await?;
    sqlx::query!("DELETE FROM data.source_key WHERE id = ANY($1)", keys)
        .execute(&mut *conn)
        .await?;
    unknown(conn, &ends).await
}

/// Drops these entities, all of which something may be known: content, keys, aliases, edges, origins,
/// merges and proposals. That they were there and are erased stays known.
pub(crate) async fn content(
    conn: &mut PgConnection,
    ids: &[Uuid],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM data.provenance
          WHERE subject = ANY($1::uuid[] || ARRAY(
                    SELECT id FROM data.edge WHERE from_id = ANY($1) OR to_id = ANY($1)))",
        ids
    )
    .execute(&mut *conn)
    .await?;
    let ends = sqlx::query_scalar!(
        "DELETE FROM data.edge WHERE from_id = ANY($1) OR to_id = ANY($1) RETURNING to_id",
        ids
    )
    .fetch_all(&mut *conn)
    .await?;
    // With them go their aliases, and what waits for others.
    sqlx::query!("DELETE FROM data.source_key WHERE entity = ANY($1)", ids)
        .execute(&mut *conn)
        .await?;
    sqlx::query!(
        "WITH embeddings AS (
           DELETE FROM data.embedding WHERE entity = ANY($1)
         ), matches AS (
           DELETE FROM data.match WHERE one = ANY($1) OR other = ANY($1)
         ), merges AS (
           DELETE FROM data.merge WHERE kept = ANY($1) OR absorbed = ANY($1)
         ), changes AS (
           DELETE FROM data.change WHERE entity = ANY($1)
         ), versions AS (
           DELETE FROM data.entity WHERE id = ANY($1)
         )
         UPDATE data.identity SET erased_at = $2 WHERE id = ANY($1) AND erased_at IS NULL",
        ids,
        now
    )
    .execute(&mut *conn)
    .await?;
    unknown(conn, &ends).await
}

/// Drops the keys of those of these entities of which nothing was ever said, and to which no edge leads
/// any more: their ids at the source came with what was dropped.
async fn unknown(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM data.source_key k USING data.identity i
          WHERE i.id = k.entity AND k.entity = ANY($1) AND i.last_version = 0 AND k.type IS NULL
            AND NOT EXISTS (SELECT FROM data.edge g WHERE g.to_id = k.entity)
            AND NOT EXISTS (SELECT FROM data.edge g WHERE g.from_id = k.entity)",
        ids
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The aliases of entities that were moved out of a space, and what waits for others, belong where these are.
pub(crate) async fn settle(
    conn: &mut PgConnection,
    space: &str,
    members: &[Uuid],
    places: &[String],
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH moved AS MATERIALIZED (
           SELECT * FROM unnest($2::uuid[], $3::text[]) AS m(entity, place)
         ), waiting AS (
           UPDATE data.pending_edge p SET space = m.place FROM moved m, data.source_key k
            WHERE k.entity = m.entity AND p.key = k.id AND p.space = $1
         )
         UPDATE data.alias a SET space = m.place FROM moved m
          WHERE a.entity = m.entity AND a.space = $1",
        space,
        members,
        places
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Drops that entities were seen in a space.
pub(crate) async fn changes_in(
    conn: &mut PgConnection,
    space: &str,
    ids: &[Uuid],
) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM data.change WHERE entity = ANY($1) AND space = $2", ids, space)
        .execute(conn)
        .await?;
    Ok(())
}
