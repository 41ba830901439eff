//! What goes: what was erased, and what is old.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::outcomes::hold;

/// Empties what is to be folded yet and is about somebody or something that was erased. Before [`forget`]: everybody
/// holds in this order what is to be folded, the tallies, the rings.
pub(crate) async fn forget_refusals(
    conn: &mut PgConnection,
    subjects: &[String],
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"UPDATE rules.refusal
              SET stops = array_fill('what this was about was erased'::text, ARRAY[cardinality(rules)]), about = '{}',
                  traces = array_fill('{"clauses": [], "stop": "what this was about was erased"}'::jsonb, ARRAY[cardinality(rules)])
            WHERE about && $1::text[]"#,
        subjects
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Empties the traces that are about somebody or something that was erased.
pub(crate) async fn forget(conn: &mut PgConnection, subjects: &[String]) -> sqlx::Result<()> {
    let rules = sqlx::query_scalar!(
        "SELECT DISTINCT rule_id FROM rules.evaluation WHERE about && $1::text[]",
        subjects
    )
    .fetch_all(&mut *conn)
    .await?;
    if rules.is_empty() {
        return Ok(());
    }
    hold(&mut *conn, &rules).await?;
    sqlx::query!(
        r#"UPDATE rules.evaluation
              SET trace = '{"clauses": [], "stop": "what this was about was erased"}', derived = false, about = '{}'
            WHERE about && $1::text[]"#,
        subjects
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Empties the traces of events of a type that happened before a time: their own content is not kept any longer.
pub(crate) async fn forget_type(
    conn: &mut PgConnection,
    kind: &str,
    before: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"UPDATE rules.evaluation
              SET trace = '{"clauses": [], "stop": "what its event said is not kept so long"}', derived = false, about = '{}'
            WHERE event_type = $1 AND at < $2
              AND trace <> '{"clauses": [], "stop": "what its event said is not kept so long"}'"#,
        kind,
        before
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Drops what is old: the events that rules acted on, keys of throttles that throttle no more, failures.
pub(crate) async fn drop_old(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    firings: DateTime<Utc>,
    throttles: DateTime<Utc>,
    failures: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM rules.firing WHERE at < $1", firings).execute(&mut *conn).await?;
    sqlx::query!("DELETE FROM rules.throttle WHERE until < $1 OR fired_at < $2", now, throttles)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("DELETE FROM rules.evaluation WHERE class = 2 AND at < $1", failures)
        .execute(conn)
        .await?;
    Ok(())
}
