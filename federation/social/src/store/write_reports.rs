//! Statements about reports.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A report to store.
pub struct ReportRow<'a> {
    pub id: i64,
    pub account_id: i64,
    pub target_id: i64,
    pub comment: &'a str,
    pub category: &'a str,
    pub post_ids: &'a [i64],
    pub uri: Option<&'a str>,
    pub forwarded: bool,
    pub created_at: DateTime<Utc>,
}

/// Stores a report; whether its URI was new.
pub async fn insert(conn: &mut PgConnection, report: &ReportRow<'_>) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO social.report
                (id, account_id, target_id, comment, category, post_ids, uri, forwarded,
                 created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT DO NOTHING",
        report.id,
        report.account_id,
        report.target_id,
        report.comment,
        report.category,
        report.post_ids,
        report.uri,
        report.forwarded,
        report.created_at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
