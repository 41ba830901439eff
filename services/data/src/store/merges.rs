//! Merges, and who is part of whom.

use chrono::{DateTime, Utc};
use contracts::access::{Permitted, SpaceId};
use sqlx::{PgConnection, PgPool, QueryBuilder};
use uuid::Uuid;

use super::{only_permitted_newest, space};

/// A merge.
#[derive(Clone, Debug)]
pub(crate) struct Merge {
    pub(crate) id: Uuid,
    pub(crate) kept: Uuid,
    pub(crate) absorbed: Uuid,
    pub(crate) space: SpaceId,
    pub(crate) by: String,
    pub(crate) reason: String,
    pub(crate) merged_at: DateTime<Utc>,
    pub(crate) undone_at: Option<DateTime<Utc>>,
    pub(crate) undone_by: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    kept: Uuid,
    absorbed: Uuid,
    space: String,
    by: String,
    reason: String,
    merged_at: DateTime<Utc>,
    undone_at: Option<DateTime<Utc>>,
    undone_by: Option<String>,
}

impl Row {
    fn into_merge(self) -> sqlx::Result<Merge> {
        Ok(Merge {
            id: self.id,
            kept: self.kept,
            absorbed: self.absorbed,
            space: space(&self.space)?,
            by: self.by,
            reason: self.reason,
            merged_at: self.merged_at,
            undone_at: self.undone_at,
            undone_by: self.undone_by,
        })
    }
}

/// Makes one entity part of another, with all that is part of it.
pub(crate) async fn join(conn: &mut PgConnection, absorbed: Uuid, kept: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE data.identity
            SET root = $2, merged_into = CASE WHEN id = $1 THEN $2 ELSE merged_into END
          WHERE root = $1",
        absorbed,
        kept
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes an entity out again, with all that had become part of it.
pub(crate) async fn part(conn: &mut PgConnection, absorbed: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH RECURSIVE member AS (
           SELECT id FROM data.identity WHERE id = $1
           UNION
           SELECT i.id FROM data.identity i JOIN member m ON i.merged_into = m.id
         )
         UPDATE data.identity i
            SET root = $1, merged_into = CASE WHEN i.id = $1 THEN NULL ELSE i.merged_into END
           FROM member m WHERE i.id = m.id",
        absorbed
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes a merge; whether its id was new.
pub(crate) async fn insert(conn: &mut PgConnection, merge: &Merge) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO data.merge (id, kept, absorbed, space, by, reason, merged_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING",
        merge.id,
        merge.kept,
        merge.absorbed,
        merge.space.as_str(),
        merge.by,
        merge.reason,
        merge.merged_at
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that a merge was undone; whether it had not been.
pub(crate) async fn undo(
    conn: &mut PgConnection,
    id: Uuid,
    by: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE data.merge SET undone_at = $2, undone_by = $3 WHERE id = $1 AND undone_at IS NULL",
        id,
        now,
        by
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A merge by id.
pub(crate) async fn find(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Merge>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, kept, absorbed, space, by, reason, merged_at, undone_at, undone_by
           FROM data.merge WHERE id = $1",
        id
    )
    .fetch_optional(conn)
    .await?;
    row.map(Row::into_merge).transpose()
}

/// Merges that the asker may see, the newest first.
pub(crate) async fn list(
    pool: &PgPool,
    permitted: &Permitted,
    before: Option<Uuid>,
    limit: usize,
) -> sqlx::Result<Vec<Merge>> {
    let mut query = QueryBuilder::new(
        "SELECT m.id, m.kept, m.absorbed, m.space, m.by, m.reason, m.merged_at, m.undone_at, m.undone_by
           FROM data.merge m WHERE ",
    );
    only_permitted_newest(&mut query, "m.kept", permitted);
    query.push(" AND ");
    only_permitted_newest(&mut query, "m.absorbed", permitted);
    if let Some(before) = before {
        query.push(" AND m.id < ").push_bind(before);
    }
    query.push(" ORDER BY m.id DESC LIMIT ");
    query.push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows: Vec<Row> = query.build_query_as().fetch_all(pool).await?;
    rows.into_iter().map(Row::into_merge).collect()
}
