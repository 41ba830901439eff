//! Posts and what belongs to them, many at a time.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::PgPool;

/// A post's own row, and of what else it consists.
#[derive(Clone, Debug)]
pub struct PostRow {
    pub id: i64,
    pub uri: String,
    pub url: String,
    pub author_id: i64,
    pub in_reply_to_id: Option<i64>,
    pub in_reply_to_account_id: Option<i64>,
    pub in_reply_to_uri: Option<String>,
    pub visibility: i16,
    pub content_html: String,
    pub spoiler_text: String,
    pub sensitive: bool,
    pub language: Option<String>,
    pub emojis: serde_json::Value,
    pub card: Option<serde_json::Value>,
    pub application_name: Option<String>,
    pub application_website: Option<String>,
    pub created_at: DateTime<Utc>,
    pub edited_at: Option<DateTime<Utc>>,
    pub replies_count: i64,
    pub boosts_count: i64,
    pub favourites_count: i64,
    pub has_media: bool,
    pub has_mentions: bool,
    pub has_tags: bool,
    pub has_poll: bool,
}

/// These posts, in no order.
pub async fn posts(pool: &PgPool, ids: &[i64]) -> sqlx::Result<Vec<PostRow>> {
    sqlx::query_as!(
        PostRow,
        r#"SELECT id, uri, url, author_id, in_reply_to_id, in_reply_to_account_id,
                  in_reply_to_uri, visibility, content_html, spoiler_text, sensitive, language,
                  emojis, card, application_name, application_website, created_at, edited_at,
                  replies_count, boosts_count, favourites_count,
                  EXISTS (SELECT FROM social.media m WHERE m.post_id = p.id) AS "has_media!",
                  EXISTS (SELECT FROM social.post_mention m
                           WHERE m.post_id = p.id AND NOT m.silent) AS "has_mentions!",
                  EXISTS (SELECT FROM social.post_tag t WHERE t.post_id = p.id) AS "has_tags!",
                  EXISTS (SELECT FROM social.poll q WHERE q.post_id = p.id) AS "has_poll!"
             FROM social.post p WHERE id = ANY($1)"#,
        ids
    )
    .fetch_all(pool)
    .await
}

/// An attachment's row; earlier versions of posts keep it as JSON.
#[derive(Clone, Debug, Deserialize)]
pub struct MediaRow {
    pub id: i64,
    pub post_id: Option<i64>,
    pub kind: String,
    pub path: Option<String>,
    pub preview_path: Option<String>,
    pub remote_url: Option<String>,
    pub preview_remote_url: Option<String>,
    pub description: Option<String>,
    pub blurhash: Option<String>,
    pub focus_x: Option<f32>,
    pub focus_y: Option<f32>,
    pub width: Option<i32>,
    pub height: Option<i32>,
    pub preview_width: Option<i32>,
    pub preview_height: Option<i32>,
}

/// The attachments of these posts, each post's in order.
pub async fn media(pool: &PgPool, posts: &[i64]) -> sqlx::Result<Vec<MediaRow>> {
    sqlx::query_as!(
        MediaRow,
        r#"SELECT id, post_id, kind, path, preview_path, remote_url, preview_remote_url,
                  description, blurhash, focus_x, focus_y, width, height, preview_width,
                  preview_height
             FROM social.media WHERE post_id = ANY($1) ORDER BY post_id, position, id"#,
        posts
    )
    .fetch_all(pool)
    .await
}

/// Someone named in a post.
#[derive(Clone, Debug)]
pub struct MentionRow {
    pub post_id: i64,
    pub account_id: i64,
    pub username: String,
    pub domain: Option<String>,
    pub url: String,
}

/// Who is named (not only addressed) in these posts.
pub async fn mentions(pool: &PgPool, posts: &[i64]) -> sqlx::Result<Vec<MentionRow>> {
    sqlx::query_as!(
        MentionRow,
        r#"SELECT m.post_id, m.account_id, a.username, a.domain, a.url
             FROM social.post_mention m JOIN social.account a ON a.id = m.account_id
            WHERE m.post_id = ANY($1) AND NOT m.silent
            ORDER BY m.post_id, m.account_id"#,
        posts
    )
    .fetch_all(pool)
    .await
}

/// A post's hashtag.
#[derive(Clone, Debug)]
pub struct TagRow {
    pub post_id: i64,
    pub name: String,
}

/// The hashtags of these posts.
pub async fn tags(pool: &PgPool, posts: &[i64]) -> sqlx::Result<Vec<TagRow>> {
    sqlx::query_as!(
        TagRow,
        r#"SELECT post_id, name FROM social.post_tag
            WHERE post_id = ANY($1) ORDER BY post_id, name"#,
        posts
    )
    .fetch_all(pool)
    .await
}

/// A poll with its options.
#[derive(Clone, Debug)]
pub struct PollRow {
    pub id: i64,
    pub post_id: i64,
    pub multiple: bool,
    pub hide_totals: bool,
    pub ends_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    pub voters_count: i64,
    pub titles: Vec<String>,
    pub votes: Vec<i64>,
}

/// The polls of these posts.
pub async fn polls(pool: &PgPool, posts: &[i64]) -> sqlx::Result<Vec<PollRow>> {
    sqlx::query_as!(
        PollRow,
        r#"SELECT p.id, p.post_id, p.multiple, p.hide_totals, p.ends_at, p.closed_at,
                  p.voters_count,
                  array_agg(o.title ORDER BY o.position) AS "titles!",
                  array_agg(o.votes_count ORDER BY o.position) AS "votes!"
             FROM social.poll p JOIN social.poll_option o ON o.poll_id = p.id
            WHERE p.post_id = ANY($1)
            GROUP BY p.id"#,
        posts
    )
    .fetch_all(pool)
    .await
}

/// The post that a poll belongs to.
pub async fn post_of_poll(pool: &PgPool, poll: i64) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("SELECT post_id FROM social.poll WHERE id = $1", poll)
        .fetch_optional(pool)
        .await
}
