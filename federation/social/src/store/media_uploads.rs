//! Rows of uploaded media.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::read_posts::MediaRow;

/// An upload to be recorded.
#[derive(Clone, Debug)]
pub struct NewUpload<'a> {
    pub id: i64,
    pub account: i64,
    pub kind: &'a str,
    pub content_type: &'a str,
    pub path: &'a str,
    pub preview_path: Option<&'a str>,
    pub description: Option<&'a str>,
    pub blurhash: Option<&'a str>,
    pub focus: Option<(f32, f32)>,
    pub size: Option<(i32, i32)>,
    pub preview_size: Option<(i32, i32)>,
    pub bytes: i64,
    pub created_at: DateTime<Utc>,
}

/// Records an upload.
pub async fn insert(pool: &PgPool, upload: &NewUpload<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        r#"INSERT INTO social.media
               (id, account_id, kind, content_type, path, preview_path, description, blurhash,
                focus_x, focus_y, width, height, preview_width, preview_height, bytes, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"#,
        upload.id,
        upload.account,
        upload.kind,
        upload.content_type,
        upload.path,
        upload.preview_path,
        upload.description,
        upload.blurhash,
        upload.focus.map(|focus| focus.0),
        upload.focus.map(|focus| focus.1),
        upload.size.map(|size| size.0),
        upload.size.map(|size| size.1),
        upload.preview_size.map(|size| size.0),
        upload.preview_size.map(|size| size.1),
        upload.bytes,
        upload.created_at
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// One of an account's uploads.
pub async fn find(pool: &PgPool, account: i64, id: i64) -> sqlx::Result<Option<MediaRow>> {
    sqlx::query_as!(
        MediaRow,
        r#"SELECT id, post_id, kind, path, preview_path, remote_url, preview_remote_url,
                  description, blurhash, focus_x, focus_y, width, height, preview_width,
                  preview_height
             FROM social.media WHERE account_id = $1 AND id = $2"#,
        account,
        id
    )
    .fetch_optional(pool)
    .await
}

/// Changes an upload that is not attached yet; absent parts stay. None: there is no such upload.
pub async fn update(
    pool: &PgPool,
    account: i64,
    id: i64,
    description: Option<&str>,
    focus: Option<(f32, f32)>,
) -> sqlx::Result<Option<MediaRow>> {
    sqlx::query_as!(
        MediaRow,
        r#"UPDATE social.media
              SET description = coalesce($3, description),
                  focus_x = coalesce($4, focus_x), focus_y = coalesce($5, focus_y)
            WHERE account_id = $1 AND id = $2 AND post_id IS NULL
        RETURNING id, post_id, kind, path, preview_path, remote_url, preview_remote_url,
                  description, blurhash, focus_x, focus_y, width, height, preview_width,
                  preview_height"#,
        account,
        id,
        description,
        focus.map(|focus| focus.0),
        focus.map(|focus| focus.1)
    )
    .fetch_optional(pool)
    .await
}

/// Changes description and focus of an upload that belongs to a post; absent parts stay.
pub async fn change_posted(
    conn: &mut PgConnection,
    post: i64,
    id: i64,
    description: Option<&str>,
    focus: Option<(f32, f32)>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE social.media
            SET description = coalesce($3, description),
                focus_x = coalesce($4, focus_x), focus_y = coalesce($5, focus_y)
          WHERE post_id = $1 AND id = $2 AND path IS NOT NULL",
        post,
        id,
        description,
        focus.map(|focus| focus.0),
        focus.map(|focus| focus.1),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes the row of one of an account's uploads that no post has; the files that it named, for
/// the caller to remove before its transaction ends. None: there is no such upload.
pub async fn remove_one(
    conn: &mut PgConnection,
    account: i64,
    id: i64,
) -> sqlx::Result<Option<Vec<String>>> {
    let row = sqlx::query!(
        "DELETE FROM social.media WHERE account_id = $1 AND id = $2 AND post_id IS NULL
         RETURNING path, preview_path",
        account,
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| [row.path, row.preview_path].into_iter().flatten().collect()))
}

/// Removes the rows of up to `most` uploads that nobody attached since `before`; the files that
/// they named, for the caller to remove before its transaction ends.
pub async fn remove_unattached(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    most: i64,
) -> sqlx::Result<Vec<String>> {
    let rows = sqlx::query!(
        r#"DELETE FROM social.media WHERE id IN (
               SELECT id FROM social.media
                WHERE post_id IS NULL AND created_at < $1
                ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING path, preview_path"#,
        before,
        most
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().flat_map(|row| [row.path, row.preview_path]).flatten().collect())
}
