//! Changing rules.

use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use spine::Snowflake;
use sqlx::PgConnection;
use uuid::Uuid;

/// The number of this change; whoever changes a rule at the same time waits for this one's end.
pub(crate) async fn next_generation(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!("UPDATE rules.generation SET value = value + 1 RETURNING value")
        .fetch_one(conn)
        .await
}

/// A rule to be made.
pub(crate) struct NewRule<'a> {
    pub(crate) id: Uuid,
    pub(crate) owner: Snowflake,
    pub(crate) space: &'a str,
    pub(crate) name: &'a str,
    pub(crate) enabled: bool,
    pub(crate) generation: i64,
    pub(crate) now: DateTime<Utc>,
}

/// Makes a rule; false where there is one of this id, also one that was removed.
pub(crate) async fn insert(conn: &mut PgConnection, rule: &NewRule<'_>) -> sqlx::Result<bool> {
    let made = sqlx::query!(
        "INSERT INTO rules.rule
             (id, owner_id, space, name, version, enabled, since, generation, made_at, changed_at)
         VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $6, $6)
             ON CONFLICT DO NOTHING",
        rule.id,
        rule.owner.0,
        rule.space,
        rule.name,
        rule.enabled,
        rule.now,
        rule.generation
    )
    .execute(&mut *conn)
    .await?;
    if made.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!("INSERT INTO rules.tally (rule_id) VALUES ($1)", rule.id).execute(conn).await?;
    Ok(true)
}

/// A version to be stored.
pub(crate) struct NewVersion<'a> {
    pub(crate) rule: Uuid,
    pub(crate) version: i32,
    pub(crate) media_type: &'a str,
    pub(crate) source: &'a str,
    pub(crate) document: &'a Json,
    pub(crate) hash: &'a [u8],
    pub(crate) made_by: &'a str,
    pub(crate) now: DateTime<Utc>,
}

/// Stores a version.
pub(crate) async fn insert_version(
    conn: &mut PgConnection,
    version: &NewVersion<'_>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO rules.version (rule_id, version, media_type, source, document, hash, made_at, made_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        version.rule,
        version.version,
        version.media_type,
        version.source,
        version.document,
        version.hash,
        version.now,
        version.made_by
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A rule while it is changed.
pub(crate) struct Locked {
    pub(crate) version: i32,
    pub(crate) enabled: bool,
    pub(crate) stopped: Option<String>,
    pub(crate) generation: i64,
}

/// Locks a rule that is to be changed.
pub(crate) async fn lock(conn: &mut PgConnection, rule: Uuid) -> sqlx::Result<Option<Locked>> {
    sqlx::query_as!(
        Locked,
        "SELECT version, enabled, stopped, generation FROM rules.rule
          WHERE id = $1 AND removed_at IS NULL FOR NO KEY UPDATE",
        rule
    )
    .fetch_optional(conn)
    .await
}

/// A rule's new state.
pub(crate) struct Change<'a> {
    pub(crate) rule: Uuid,
    pub(crate) version: i32,
    /// None: it keeps its name.
    pub(crate) name: Option<&'a str>,
    pub(crate) enabled: bool,
    pub(crate) stopped: Option<&'a str>,
    pub(crate) generation: i64,
    pub(crate) now: DateTime<Utc>,
}

/// Changes a rule.
pub(crate) async fn update(conn: &mut PgConnection, change: &Change<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE rules.rule
            SET version = $2, name = coalesce($3, name), enabled = $4, stopped = $5, generation = $6,
                since = $7, changed_at = $7
          WHERE id = $1",
        change.rule,
        change.version,
        change.name,
        change.enabled,
        change.stopped,
        change.generation,
        change.now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes a rule with everything that it knew, but for the events it acted on.
pub(crate) async fn remove(
    conn: &mut PgConnection,
    rule: Uuid,
    generation: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE rules.rule
            SET removed_at = $2, changed_at = $2, generation = $3, enabled = false, name = '', stopped = NULL
          WHERE id = $1",
        rule,
        now,
        generation
    )
    .execute(&mut *conn)
    .await?;
    // The tally last: whoever writes an evaluation holds it.
    sqlx::query!("DELETE FROM rules.waiting WHERE rule_id = $1", rule).execute(&mut *conn).await?;
    sqlx::query!("DELETE FROM rules.schedule WHERE rule_id = $1", rule).execute(&mut *conn).await?;
    sqlx::query!("DELETE FROM rules.throttle WHERE rule_id = $1", rule).execute(&mut *conn).await?;
    sqlx::query!("DELETE FROM rules.trigger WHERE rule_id = $1", rule).execute(&mut *conn).await?;
    sqlx::query!("DELETE FROM rules.tally WHERE rule_id = $1", rule).execute(&mut *conn).await?;
    sqlx::query!("DELETE FROM rules.evaluation WHERE rule_id = $1", rule)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("DELETE FROM rules.version WHERE rule_id = $1", rule).execute(conn).await?;
    Ok(())
}

/// Notes which types trigger a rule, in place of those before.
pub(crate) async fn set_triggers(
    conn: &mut PgConnection,
    rule: Uuid,
    owner: Snowflake,
    types: &[String],
) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM rules.trigger WHERE rule_id = $1", rule).execute(&mut *conn).await?;
    sqlx::query!(
        "INSERT INTO rules.trigger (rule_id, owner_id, type)
         SELECT $1, $2, type FROM unnest($3::text[]) AS type ON CONFLICT DO NOTHING",
        rule,
        owner.0,
        types
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A type that triggers more of an owner's rules than it may.
pub(crate) async fn crowded_type(
    conn: &mut PgConnection,
    owner: Snowflake,
    types: &[String],
    most: i64,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT type FROM rules.trigger WHERE owner_id = $1 AND type = ANY($2)
          GROUP BY type HAVING count(*) > $3 ORDER BY type LIMIT 1",
        owner.0,
        types,
        most
    )
    .fetch_optional(conn)
    .await
}

/// How many rules an owner has.
pub(crate) async fn count_of_owner(conn: &mut PgConnection, owner: Snowflake) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM rules.rule WHERE owner_id = $1 AND removed_at IS NULL"#,
        owner.0
    )
    .fetch_one(conn)
    .await
}

/// The rules of an owner, each with its space, in the order in which they are locked.
pub(crate) async fn of_owner(
    conn: &mut PgConnection,
    owner: Snowflake,
) -> sqlx::Result<Vec<(Uuid, String)>> {
    let rules = sqlx::query!(
        "SELECT id, space FROM rules.rule WHERE owner_id = $1 AND removed_at IS NULL ORDER BY id",
        owner.0
    )
    .fetch_all(conn)
    .await?;
    Ok(rules.into_iter().map(|rule| (rule.id, rule.space)).collect())
}
