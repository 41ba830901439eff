//! The household's own policies: a row a version.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use crate::engine::OwnPolicy;

/// A version of an own policy.
#[derive(Clone, Debug)]
pub(crate) struct PolicyVersion {
    pub(crate) name: String,
    pub(crate) version: i32,
    /// None: it was removed with this version.
    pub(crate) text: Option<String>,
    pub(crate) changed_by: String,
    pub(crate) changed_at: DateTime<Utc>,
}

/// The newest version of each that is not removed, by name.
pub(crate) async fn all(conn: &mut PgConnection) -> sqlx::Result<Vec<OwnPolicy>> {
    let rows = sqlx::query!(
        r#"SELECT name, text AS "text!" FROM (
             SELECT DISTINCT ON (name) name, text FROM policy.own_policy
              ORDER BY name, version DESC
           ) AS newest
            WHERE text IS NOT NULL ORDER BY name"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| OwnPolicy { name: row.name, text: row.text }).collect())
}

/// The newest version of each that is not removed, after this name.
pub(crate) async fn page(
    pool: &PgPool,
    after: Option<&str>,
    most: i64,
) -> sqlx::Result<Vec<PolicyVersion>> {
    sqlx::query_as!(
        PolicyVersion,
        r#"SELECT name AS "name!", version AS "version!", text, changed_by AS "changed_by!",
                  changed_at AS "changed_at!" FROM (
             SELECT DISTINCT ON (name) name, version, text, changed_by, changed_at
               FROM policy.own_policy ORDER BY name, version DESC
           ) AS newest
            WHERE text IS NOT NULL AND ($1::text IS NULL OR name > $1)
            ORDER BY name LIMIT $2"#,
        after,
        most
    )
    .fetch_all(pool)
    .await
}

/// The newest version.
pub(crate) async fn newest(
    conn: &mut PgConnection,
    name: &str,
) -> sqlx::Result<Option<PolicyVersion>> {
    sqlx::query_as!(
        PolicyVersion,
        r#"SELECT name, version, text, changed_by, changed_at FROM policy.own_policy
            WHERE name = $1 ORDER BY version DESC LIMIT 1"#,
        name
    )
    .fetch_optional(conn)
    .await
}

/// Adds a version.
pub(crate) async fn insert(conn: &mut PgConnection, new: &PolicyVersion) -> sqlx::Result<()> {
    sqlx::query!(
        r#"INSERT INTO policy.own_policy (name, version, text, changed_by, changed_at)
           VALUES ($1, $2, $3, $4, $5)"#,
        new.name,
        new.version,
        new.text,
        new.changed_by,
        new.changed_at
    )
    .execute(conn)
    .await?;
    Ok(())
}
