//! When schedules come next.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// Sets when a rule's schedule comes next, or that it has none.
pub(crate) async fn set(
    conn: &mut PgConnection,
    rule: Uuid,
    next: Option<DateTime<Utc>>,
) -> sqlx::Result<()> {
    match next {
        None => {
            sqlx::query!("DELETE FROM rules.schedule WHERE rule_id = $1", rule)
                .execute(conn)
                .await?
        }
        Some(next) => {
            sqlx::query!(
                "INSERT INTO rules.schedule (rule_id, next_at) VALUES ($1, $2)
                     ON CONFLICT (rule_id) DO UPDATE SET next_at = excluded.next_at",
                rule,
                next
            )
            .execute(conn)
            .await?
        }
    };
    Ok(())
}

/// A schedule whose time has come.
pub(crate) struct Due {
    pub(crate) rule_id: Uuid,
    pub(crate) next_at: DateTime<Utc>,
}

/// Schedules whose time has come; another process that does the same passes over them.
pub(crate) async fn due(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<Due>> {
    sqlx::query_as!(
        Due,
        "SELECT rule_id, next_at FROM rules.schedule WHERE next_at <= $1
          ORDER BY next_at, rule_id LIMIT $2 FOR UPDATE SKIP LOCKED",
        now,
        limit
    )
    .fetch_all(conn)
    .await
}
