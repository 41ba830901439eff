//! Threads, versions, sources, reports.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// A post's place in its thread.
#[derive(Clone, Copy, Debug)]
pub struct ThreadRow {
    pub id: i64,
    pub parent: Option<i64>,
    pub author: i64,
}

/// What a post replies to, the nearest first, at most `most`.
pub async fn ancestors(pool: &PgPool, post: i64, most: i32) -> sqlx::Result<Vec<i64>> {
    let rows = sqlx::query_scalar!(
        r#"WITH RECURSIVE up AS (
               SELECT p.in_reply_to_id AS id, 1 AS steps FROM social.post p WHERE p.id = $1
                UNION
               SELECT p.in_reply_to_id, up.steps + 1
                 FROM up JOIN social.post p ON p.id = up.id
                WHERE up.steps < $2)
           SELECT id AS "id!" FROM up WHERE id IS NOT NULL ORDER BY steps"#,
        post,
        most
    )
    .fetch_all(pool)
    .await?;
    Ok(rows)
}

/// What replies to a post and to its replies, at most `most`, at most `depth` steps down. Nearer
/// replies are kept first.
pub async fn descendants(
    pool: &PgPool,
    post: i64,
    most: i64,
    depth: i32,
) -> sqlx::Result<Vec<ThreadRow>> {
    sqlx::query_as!(
        ThreadRow,
        r#"WITH RECURSIVE down AS (
               SELECT p.id, p.in_reply_to_id AS parent, p.author_id AS author, 1 AS steps
                 FROM social.post p WHERE p.in_reply_to_id = $1
                UNION
               SELECT p.id, p.in_reply_to_id, p.author_id, down.steps + 1
                 FROM down JOIN social.post p ON p.in_reply_to_id = down.id
                WHERE down.steps < $3)
           SELECT id AS "id!", parent, author AS "author!"
             FROM down ORDER BY steps, id LIMIT $2"#,
        post,
        most,
        depth
    )
    .fetch_all(pool)
    .await
}

/// An earlier version of a post.
#[derive(Clone, Debug)]
pub struct EditRow {
    pub content_html: String,
    pub spoiler_text: String,
    pub sensitive: bool,
    pub media: serde_json::Value,
    pub poll_options: Option<serde_json::Value>,
    pub created_at: DateTime<Utc>,
}

/// The earlier versions of a post, oldest first.
pub async fn edits(pool: &PgPool, post: i64) -> sqlx::Result<Vec<EditRow>> {
    sqlx::query_as!(
        EditRow,
        r#"SELECT content_html, spoiler_text, sensitive, media, poll_options, created_at
             FROM social.post_edit WHERE post_id = $1 ORDER BY version"#,
        post
    )
    .fetch_all(pool)
    .await
}

/// A post as typed.
#[derive(Clone, Debug)]
pub struct SourceRow {
    pub text: Option<String>,
    pub spoiler_text: String,
}

/// A post of this author, ours, as typed.
pub async fn source(pool: &PgPool, author: i64, post: i64) -> sqlx::Result<Option<SourceRow>> {
    sqlx::query_as!(
        SourceRow,
        r#"SELECT content_text AS text, spoiler_text FROM social.post
            WHERE id = $1 AND author_id = $2 AND local AND boost_of_id IS NULL"#,
        post,
        author
    )
    .fetch_optional(pool)
    .await
}

/// A report's row.
#[derive(Clone, Debug)]
pub struct ReportRow {
    pub id: i64,
    pub target_id: i64,
    pub comment: String,
    pub category: String,
    pub post_ids: Vec<i64>,
    pub forwarded: bool,
    pub created_at: DateTime<Utc>,
    pub resolved_at: Option<DateTime<Utc>>,
}

/// These reports; with `made_by`, only those that this account made.
pub async fn reports(
    pool: &PgPool,
    ids: &[i64],
    made_by: Option<i64>,
) -> sqlx::Result<Vec<ReportRow>> {
    sqlx::query_as!(
        ReportRow,
        r#"SELECT id, target_id, comment, category, post_ids, forwarded, created_at, resolved_at
             FROM social.report
            WHERE id = ANY($1) AND ($2::bigint IS NULL OR account_id = $2)"#,
        ids,
        made_by
    )
    .fetch_all(pool)
    .await
}
