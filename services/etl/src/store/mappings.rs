//! Mappings and their versions.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor, PgPool};

use crate::mapping::Reach;

/// Which mapping takes a kind of record, and the version in use.
#[derive(Clone, Debug)]
pub(crate) struct Current {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) version: i32,
}

/// The mappings that take these kinds.
pub(crate) async fn of_kinds(
    executor: impl PgExecutor<'_>,
    kinds: &[String],
) -> sqlx::Result<Vec<Current>> {
    sqlx::query_as!(
        Current,
        "SELECT kind, name, current AS version FROM etl.mapping WHERE kind = ANY($1)",
        kinds
    )
    .fetch_all(executor)
    .await
}

/// A version's document.
pub(crate) async fn document(
    pool: &PgPool,
    name: &str,
    version: i32,
) -> sqlx::Result<Option<Value>> {
    sqlx::query_scalar!(
        "SELECT document FROM etl.mapping_version WHERE mapping = $1 AND version = $2",
        name,
        version
    )
    .fetch_optional(pool)
    .await
}

/// A mapping in use.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) version: i32,
    pub(crate) document: Value,
    pub(crate) built_in: Option<i32>,
    pub(crate) made_by: String,
    pub(crate) made_at: DateTime<Utc>,
}

/// Mappings in use, by name, after the given one.
pub(crate) async fn list(
    pool: &PgPool,
    after: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<Stored>> {
    sqlx::query_as!(
        Stored,
        "SELECT m.name, m.kind, v.version, v.document, v.built_in, v.made_by, v.made_at
           FROM etl.mapping m
           JOIN etl.mapping_version v ON v.mapping = m.name AND v.version = m.current
          WHERE $1::text IS NULL OR m.name > $1
          ORDER BY m.name
          LIMIT $2",
        after,
        limit
    )
    .fetch_all(pool)
    .await
}

/// A mapping in use.
pub(crate) async fn find(pool: &PgPool, name: &str) -> sqlx::Result<Option<Stored>> {
    sqlx::query_as!(
        Stored,
        "SELECT m.name, m.kind, v.version, v.document, v.built_in, v.made_by, v.made_at
           FROM etl.mapping m
           JOIN etl.mapping_version v ON v.mapping = m.name AND v.version = m.current
          WHERE m.name = $1",
        name
    )
    .fetch_optional(pool)
    .await
}

/// A version of a mapping, in use or not.
pub(crate) async fn find_version(
    pool: &PgPool,
    name: &str,
    version: i32,
) -> sqlx::Result<Option<Stored>> {
    sqlx::query_as!(
        Stored,
        "SELECT m.name, m.kind, v.version, v.document, v.built_in, v.made_by, v.made_at
           FROM etl.mapping_version v
           JOIN etl.mapping m ON m.name = v.mapping
          WHERE v.mapping = $1 AND v.version = $2",
        name,
        version
    )
    .fetch_optional(pool)
    .await
}

/// A version of a mapping, without what it says.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) version: i32,
    pub(crate) built_in: Option<i32>,
    pub(crate) made_by: String,
    pub(crate) made_at: DateTime<Utc>,
}

/// The newest versions of a mapping.
pub(crate) async fn versions(pool: &PgPool, name: &str, most: i64) -> sqlx::Result<Vec<Version>> {
    sqlx::query_as!(
        Version,
        "SELECT version, built_in, made_by, made_at FROM etl.mapping_version
          WHERE mapping = $1 ORDER BY version DESC LIMIT $2",
        name,
        most
    )
    .fetch_all(pool)
    .await
}

/// One change of mappings at a time, over all processes, until the transaction ends.
pub(crate) async fn take_turns(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('etl.mapping'))").execute(conn).await?;
    Ok(())
}

/// No change of mappings until the transaction ends; many may hold them back at a time.
pub(crate) async fn hold_back_changes(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock_shared(hashtext('etl.mapping'))")
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether there are records of a kind to be mapped.
pub(crate) async fn has_records(conn: &mut PgConnection, kind: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM etl.record WHERE kind = $1 AND newest AND NOT deleted) AS "has!""#,
        kind
    )
    .fetch_one(conn)
    .await
}

/// What is known of a mapping before it changes.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) kind: String,
    pub(crate) current: i32,
    pub(crate) document: Value,
    /// Whether the version in use came with the node.
    pub(crate) is_built_in: bool,
    /// The newest version that there is, in use or not.
    pub(crate) newest: i32,
    /// The newest of those that came with the node, by the program's own number.
    pub(crate) built_in: Option<i32>,
}

/// A mapping, before it changes.
pub(crate) async fn standing(
    conn: &mut PgConnection,
    name: &str,
) -> sqlx::Result<Option<Standing>> {
    sqlx::query_as!(
        Standing,
        r#"SELECT m.kind, m.current, v.document, v.built_in IS NOT NULL AS "is_built_in!",
                  (SELECT max(version) FROM etl.mapping_version WHERE mapping = $1) AS "newest!",
                  (SELECT max(built_in) FROM etl.mapping_version WHERE mapping = $1) AS built_in
             FROM etl.mapping m
             JOIN etl.mapping_version v ON v.mapping = m.name AND v.version = m.current
            WHERE m.name = $1"#,
        name
    )
    .fetch_optional(conn)
    .await
}

/// The mapping that takes a kind of record.
pub(crate) async fn taker(conn: &mut PgConnection, kind: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("SELECT name FROM etl.mapping WHERE kind = $1", kind)
        .fetch_optional(conn)
        .await
}

/// A version to add.
#[derive(Clone, Debug)]
pub(crate) struct NewVersion<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) version: i32,
    pub(crate) document: &'a Value,
    pub(crate) reach: Reach,
    pub(crate) built_in: Option<i32>,
    pub(crate) made_by: &'a str,
    /// Whether it is used from now on.
    pub(crate) use_it: bool,
}

/// Adds a version, and the mapping where it is new.
pub(crate) async fn add(
    conn: &mut PgConnection,
    new: NewVersion<'_>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO etl.mapping AS known (name, kind, current, labels, spaces) VALUES ($1, $2, $3, $5, $6)
         ON CONFLICT (name) DO UPDATE
            SET current = excluded.current, labels = excluded.labels, spaces = excluded.spaces
          WHERE $4",
        new.name,
        new.kind,
        new.version,
        new.use_it,
        &new.reach.labels,
        &new.reach.spaces,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "INSERT INTO etl.mapping_version (mapping, version, document, built_in, made_by, made_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        new.name,
        new.version,
        new.document,
        new.built_in,
        new.made_by,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
