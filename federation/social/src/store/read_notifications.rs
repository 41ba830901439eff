//! Notifications.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder};

use super::read_pages::{Window, push_bounds, push_order};
use super::visibility::{Asker, POST, push_admits, push_wanted_notifier};
use crate::read::NotificationFilter;

/// A notification's row.
#[derive(Clone, Debug, FromRow)]
pub struct NotificationRow {
    pub id: i64,
    pub account_id: i64,
    pub kind: String,
    pub from_id: i64,
    pub post_id: Option<i64>,
    pub report_id: Option<i64>,
    pub created_at: DateTime<Utc>,
}

const COLUMNS: &str = "SELECT n.id, n.account_id, n.kind, n.from_id, n.post_id, n.report_id, \
                              n.created_at";
const FROM: &str = " FROM social.notification n JOIN social.account f ON f.id = n.from_id \
     LEFT JOIN social.post p ON p.id = n.post_id \
     LEFT JOIN social.account a ON a.id = p.author_id \
     WHERE f.suspended_at IS NULL AND f.deleted_at IS NULL AND n.account_id = ";

fn push_filter(query: &mut QueryBuilder<Postgres>, asker: Asker, filter: &NotificationFilter) {
    if !filter.types.is_empty() {
        query.push(" AND n.kind = ANY(").push_bind(filter.types.clone()).push(")");
    }
    if !filter.exclude_types.is_empty() {
        query.push(" AND n.kind <> ALL(").push_bind(filter.exclude_types.clone()).push(")");
    }
    if let Some(from) = filter.account_id {
        query.push(" AND n.from_id = ").push_bind(from.number());
    }
    query.push(" AND ");
    push_wanted_notifier(query, asker, "f");
    query.push(" AND (n.post_id IS NULL OR ");
    push_admits(query, asker, POST);
    query.push(")");
}

/// The viewer's notifications of a page.
pub async fn page(
    pool: &PgPool,
    asker: Asker,
    viewer: i64,
    filter: &NotificationFilter,
    window: Window,
) -> sqlx::Result<Vec<NotificationRow>> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(FROM).push_bind(viewer);
    push_bounds(&mut query, window, "n.id");
    push_filter(&mut query, asker, filter);
    push_order(&mut query, window, "n.id");
    query.build_query_as().fetch_all(pool).await
}

/// How many of the viewer's notifications are newer than this one, counted up to `most`.
pub async fn count_above(
    pool: &PgPool,
    asker: Asker,
    viewer: i64,
    filter: &NotificationFilter,
    above: i64,
    most: i64,
) -> sqlx::Result<i64> {
    let mut query = QueryBuilder::new("SELECT count(*) FROM (SELECT n.id");
    query.push(FROM).push_bind(viewer).push(" AND n.id > ").push_bind(above);
    push_filter(&mut query, asker, filter);
    query.push(" ORDER BY n.id DESC LIMIT ").push_bind(most).push(") counted");
    query.build_query_scalar().fetch_one(pool).await
}

/// These notifications of the viewers at the same place, where they are still wanted.
pub async fn of_viewer(
    pool: &PgPool,
    asker: Asker,
    viewer: i64,
    id: i64,
) -> sqlx::Result<Option<NotificationRow>> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(FROM).push_bind(viewer).push(" AND n.id = ").push_bind(id);
    push_filter(&mut query, asker, &NotificationFilter::default());
    query.build_query_as().fetch_optional(pool).await
}

/// How far the viewer has read: the newest notification id, as the marker or the server kept it.
pub async fn last_read(pool: &PgPool, viewer: i64) -> sqlx::Result<i64> {
    let row = sqlx::query!(
        r#"SELECT coalesce((SELECT last_notification_read FROM social.local_account
                             WHERE account_id = $1), 0) AS "kept!",
                  (SELECT last_read_id FROM social.marker
                    WHERE account_id = $1 AND timeline = 'notifications') AS marked"#,
        viewer
    )
    .fetch_one(pool)
    .await?;
    // A marker holds whatever a client sent.
    let marked = row.marked.and_then(|id| id.parse().ok()).unwrap_or(0);
    Ok(marked.max(row.kept))
}

/// Throws the viewer's notifications away.
pub async fn clear(pool: &PgPool, viewer: i64) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM social.notification WHERE account_id = $1", viewer)
        .execute(pool)
        .await?;
    Ok(())
}

/// Throws one of the viewer's notifications away; whether there was one.
pub async fn dismiss(pool: &PgPool, viewer: i64, id: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM social.notification WHERE account_id = $1 AND id = $2",
        viewer,
        id
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() > 0)
}
