//! Circles and who is in them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use spine::Snowflake;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::engine::Circle;

/// Makes a circle with its first keeper; whether it is new.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    id: Uuid,
    name: &str,
    maker: Snowflake,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let made = sqlx::query!(
        r#"WITH made AS (
             INSERT INTO policy.circle (id, name, made_by, made_at, version)
             VALUES ($1, $2, $3, $4, 1)
                 ON CONFLICT DO NOTHING
             RETURNING id
           )
           INSERT INTO policy.member (circle, account, keeper, joined_at)
           SELECT id, $3, true, $4 FROM made"#,
        id,
        name,
        maker.0,
        at,
    )
    .execute(conn)
    .await?;
    Ok(made.rows_affected() > 0)
}

/// All circles that are not removed.
pub(crate) async fn all(conn: &mut PgConnection) -> sqlx::Result<Vec<Circle>> {
    let mut members: HashMap<Uuid, Vec<(Snowflake, bool)>> = HashMap::new();
    let rows = sqlx::query!(
        "SELECT circle, account, keeper FROM policy.member ORDER BY joined_at, account"
    )
    .fetch_all(&mut *conn)
    .await?;
    for row in rows {
        members.entry(row.circle).or_default().push((Snowflake(row.account), row.keeper));
    }
    let circles =
        sqlx::query!("SELECT id, name, version FROM policy.circle WHERE removed_at IS NULL")
            .fetch_all(conn)
            .await?;
    Ok(circles
        .into_iter()
        .map(|row| Circle {
            id: row.id,
            name: row.name,
            version: row.version,
            members: members.remove(&row.id).unwrap_or_default(),
        })
        .collect())
}

/// The circle for a change that follows in this transaction.
pub(crate) async fn for_change(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Circle>> {
    let found = sqlx::query!(
        "SELECT name, version FROM policy.circle WHERE id = $1 AND removed_at IS NULL FOR UPDATE",
        id
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(found) = found else { return Ok(None) };
    let members = sqlx::query!("SELECT account, keeper FROM policy.member WHERE circle = $1", id)
        .fetch_all(conn)
        .await?;
    let members = members.into_iter().map(|row| (Snowflake(row.account), row.keeper)).collect();
    Ok(Some(Circle { id, name: found.name, version: found.version, members }))
}

/// Counts a change of a circle.
pub(crate) async fn count_change(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("UPDATE policy.circle SET version = version + 1 WHERE id = $1", id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Adds a member, or makes one a keeper or no keeper.
pub(crate) async fn put_member(
    conn: &mut PgConnection,
    circle: Uuid,
    account: Snowflake,
    keeper: bool,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"INSERT INTO policy.member (circle, account, keeper, joined_at) VALUES ($1, $2, $3, $4)
               ON CONFLICT (circle, account) DO UPDATE SET keeper = excluded.keeper"#,
        circle,
        account.0,
        keeper,
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a member out; whether they were in it.
pub(crate) async fn delete_member(
    conn: &mut PgConnection,
    circle: Uuid,
    account: Snowflake,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM policy.member WHERE circle = $1 AND account = $2",
        circle,
        account.0
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Takes a person out of all circles: which these were.
pub(crate) async fn leave_all(
    conn: &mut PgConnection,
    account: Snowflake,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!("DELETE FROM policy.member WHERE account = $1 RETURNING circle", account.0)
        .fetch_all(conn)
        .await
}

/// Makes who is in a circle longest its keeper, where it has none: who that is.
pub(crate) async fn appoint(
    conn: &mut PgConnection,
    circle: Uuid,
) -> sqlx::Result<Option<Snowflake>> {
    let appointed = sqlx::query_scalar!(
        r#"UPDATE policy.member SET keeper = true
            WHERE circle = $1
              AND account = (SELECT account FROM policy.member WHERE circle = $1
                              ORDER BY joined_at, account LIMIT 1)
              AND NOT EXISTS (SELECT FROM policy.member WHERE circle = $1 AND keeper)
        RETURNING account"#,
        circle
    )
    .fetch_optional(conn)
    .await?;
    Ok(appointed.map(Snowflake))
}

/// Removes a circle that nobody is in; whether it was one.
pub(crate) async fn remove_empty(
    conn: &mut PgConnection,
    id: Uuid,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"UPDATE policy.circle SET removed_at = $2, version = version + 1
            WHERE id = $1 AND removed_at IS NULL
              AND NOT EXISTS (SELECT FROM policy.member WHERE circle = $1)"#,
        id,
        at
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes a circle: nobody is in it any more.
pub(crate) async fn remove(
    conn: &mut PgConnection,
    id: Uuid,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"WITH gone AS (DELETE FROM policy.member WHERE circle = $1)
           UPDATE policy.circle SET removed_at = $2, version = version + 1 WHERE id = $1"#,
        id,
        at
    )
    .execute(conn)
    .await?;
    Ok(())
}
