//! Lists, reading positions, preferences, hashtags.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder};

use super::read_pages::{Window, push_window};

/// A list's row.
#[derive(Clone, Debug)]
pub struct ListRow {
    pub id: i64,
    pub title: String,
    pub replies_policy: String,
    pub exclusive: bool,
}

/// The viewer's lists; with `holding`, only those that hold this account.
pub async fn lists(pool: &PgPool, viewer: i64, holding: Option<i64>) -> sqlx::Result<Vec<ListRow>> {
    sqlx::query_as!(
        ListRow,
        r#"SELECT id, title, replies_policy, exclusive FROM social.list l
            WHERE account_id = $1
              AND ($2::bigint IS NULL OR EXISTS (SELECT FROM social.list_member m
                                                  WHERE m.list_id = l.id AND m.account_id = $2))
            ORDER BY id"#,
        viewer,
        holding
    )
    .fetch_all(pool)
    .await
}

/// One of the viewer's lists.
pub async fn list(pool: &PgPool, viewer: i64, id: i64) -> sqlx::Result<Option<ListRow>> {
    sqlx::query_as!(
        ListRow,
        r#"SELECT id, title, replies_policy, exclusive FROM social.list
            WHERE account_id = $1 AND id = $2"#,
        viewer,
        id
    )
    .fetch_optional(pool)
    .await
}

/// A reading position.
#[derive(Clone, Debug)]
pub struct MarkerRow {
    pub timeline: String,
    pub last_read_id: String,
    pub version: i32,
    pub updated_at: DateTime<Utc>,
}

/// The viewer's reading positions in these timelines.
pub async fn markers(
    pool: &PgPool,
    viewer: i64,
    timelines: &[String],
) -> sqlx::Result<Vec<MarkerRow>> {
    sqlx::query_as!(
        MarkerRow,
        r#"SELECT timeline, last_read_id, version, updated_at FROM social.marker
            WHERE account_id = $1 AND timeline = ANY($2)"#,
        viewer,
        timelines
    )
    .fetch_all(pool)
    .await
}

/// A followed hashtag.
#[derive(Clone, Debug, FromRow)]
pub struct FollowedTagRow {
    pub id: i64,
    pub name: String,
}

/// The hashtags that the viewer follows.
pub async fn followed_tags(
    pool: &PgPool,
    viewer: i64,
    window: Window,
) -> sqlx::Result<Vec<FollowedTagRow>> {
    let mut query: QueryBuilder<Postgres> =
        QueryBuilder::new("SELECT t.id, t.name FROM social.followed_tag t WHERE t.account_id = ");
    query.push_bind(viewer);
    push_window(&mut query, window, "t.id");
    query.build_query_as().fetch_all(pool).await
}

/// Which of these hashtags the viewer follows.
pub async fn following_tags(
    pool: &PgPool,
    viewer: i64,
    names: &[String],
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "SELECT name FROM social.followed_tag WHERE account_id = $1 AND name = ANY($2)",
        viewer,
        names
    )
    .fetch_all(pool)
    .await
}

/// A day of a hashtag's use in public posts.
#[derive(Clone, Debug)]
pub struct TagDayRow {
    pub name: String,
    pub day: i64,
    pub uses: i64,
    pub accounts: i64,
}

/// The use of these hashtags in public posts since the post number `since`, by day (days since
/// 1970). Post numbers carry their time: 48 bits of Unix milliseconds above 16 bits.
pub async fn tag_days(pool: &PgPool, names: &[String], since: i64) -> sqlx::Result<Vec<TagDayRow>> {
    sqlx::query_as!(
        TagDayRow,
        r#"SELECT t.name, (t.post_id >> 16) / 86400000 AS "day!", count(*) AS "uses!",
                  count(DISTINCT p.author_id) AS "accounts!"
             FROM social.post_tag t JOIN social.post p ON p.id = t.post_id
            WHERE t.name = ANY($1) AND t.post_id >= $2 AND p.visibility = 0
            GROUP BY t.name, (t.post_id >> 16) / 86400000"#,
        names,
        since
    )
    .fetch_all(pool)
    .await
}
