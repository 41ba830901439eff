//! Numbers about the node.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// Numbers that instance documents show.
#[derive(Clone, Copy, Debug)]
pub struct NumbersRow {
    pub people: i64,
    pub posts: i64,
    pub domains: i64,
    pub active_month: i64,
}

/// The node's numbers. `since`: when the last four weeks began.
pub async fn numbers(pool: &PgPool, since: DateTime<Utc>) -> sqlx::Result<NumbersRow> {
    sqlx::query_as!(
        NumbersRow,
        r#"SELECT count(*) AS "people!",
                  coalesce(sum(a.statuses_count), 0)::bigint AS "posts!",
                  count(*) FILTER (WHERE a.last_status_at >= $1) AS "active_month!",
                  (SELECT count(DISTINCT d.domain) FROM social.account d
                    WHERE d.domain IS NOT NULL) AS "domains!"
             FROM social.account a
            WHERE a.domain IS NULL AND a.kind <> 'Application' AND a.deleted_at IS NULL"#,
        since
    )
    .fetch_one(pool)
    .await
}

/// The oldest account of a person here: whom to write to.
pub async fn contact(pool: &PgPool) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        r#"SELECT id FROM social.account
            WHERE domain IS NULL AND kind <> 'Application' AND deleted_at IS NULL
              AND suspended_at IS NULL
            ORDER BY created_at, id LIMIT 1"#
    )
    .fetch_optional(pool)
    .await
}

/// The servers that we know and do not block, by name.
pub async fn peers(pool: &PgPool, most: i64) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT DISTINCT a.domain AS "domain!" FROM social.account a
            WHERE a.domain IS NOT NULL
              AND NOT EXISTS (SELECT FROM social.domain_block d
                               WHERE d.account_id IS NULL
                                 AND (d.domain = a.domain
                                      OR right(a.domain, length(d.domain) + 1) = '.' || d.domain))
            ORDER BY 1 LIMIT $1"#,
        most
    )
    .fetch_all(pool)
    .await
}

/// A week's numbers.
#[derive(Clone, Copy, Debug)]
pub struct WeekRow {
    pub start: DateTime<Utc>,
    pub posts: i64,
    pub authors: i64,
    pub joined: i64,
}

/// The numbers of our people's posts in the weeks that begin at these times.
pub async fn weeks(pool: &PgPool, starts: &[DateTime<Utc>]) -> sqlx::Result<Vec<WeekRow>> {
    sqlx::query_as!(
        WeekRow,
        r#"SELECT w.start AS "start!", coalesce(n.posts, 0) AS "posts!",
                  coalesce(n.authors, 0) AS "authors!",
                  (SELECT count(*) FROM social.account a
                    WHERE a.domain IS NULL AND a.kind <> 'Application'
                      AND a.created_at >= w.start
                      AND a.created_at < w.start + interval '7 days') AS "joined!"
             FROM unnest($1::timestamptz[]) AS w(start)
             LEFT JOIN LATERAL (
                  SELECT count(*) AS posts, count(DISTINCT p.author_id) AS authors
                    FROM social.account a JOIN social.post p ON p.author_id = a.id
                   WHERE a.domain IS NULL
                     AND p.id >= (extract(epoch FROM w.start)::bigint * 1000) << 16
                     AND p.id < (extract(epoch FROM w.start + interval '7 days')::bigint
                                 * 1000) << 16) n ON true
            ORDER BY w.start DESC"#,
        starts
    )
    .fetch_all(pool)
    .await
}
