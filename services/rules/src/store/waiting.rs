//! Rules that wait whether their conditions go on holding.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// When what of a rule waits ends, the last first.
pub(crate) async fn ends(conn: &mut PgConnection, rule: Uuid) -> sqlx::Result<Vec<DateTime<Utc>>> {
    sqlx::query_scalar!(
        "SELECT until FROM rules.waiting WHERE rule_id = $1 ORDER BY until DESC",
        rule
    )
    .fetch_all(conn)
    .await
}

/// Lets a rule wait.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    rule: Uuid,
    version: i32,
    event: Uuid,
    subject: &str,
    until: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO rules.waiting (rule_id, event_id, subject, version, until) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
        rule,
        event,
        subject,
        version,
        until
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether a rule waits for an event.
pub(crate) async fn waits(pool: &PgPool, rule: Uuid, event: Uuid) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM rules.waiting WHERE rule_id = $1 AND event_id = $2) AS "waits!""#,
        rule,
        event
    )
    .fetch_one(pool)
    .await
}

/// Ends a wait; false where it had ended.
pub(crate) async fn end(conn: &mut PgConnection, rule: Uuid, event: Uuid) -> sqlx::Result<bool> {
    let ended =
        sqlx::query!("DELETE FROM rules.waiting WHERE rule_id = $1 AND event_id = $2", rule, event)
            .execute(conn)
            .await?;
    Ok(ended.rows_affected() > 0)
}

/// Which of these rules wait because of an event about this subject.
pub(crate) async fn of_subject(
    conn: &mut PgConnection,
    rules: &[Uuid],
    subject: &str,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT DISTINCT rule_id FROM rules.waiting WHERE rule_id = ANY($1) AND subject = $2",
        rules,
        subject
    )
    .fetch_all(conn)
    .await
}

/// Ends what of a rule should have ended before a time, and says why in its traces.
pub(crate) async fn end_lost(
    conn: &mut PgConnection,
    rule: Uuid,
    before: DateTime<Utc>,
    why: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH ended AS (
             DELETE FROM rules.waiting WHERE rule_id = $1 AND until < $2 RETURNING rule_id, event_id
         )
         UPDATE rules.evaluation
            SET outcome = 'refused', trace = evaluation.trace || jsonb_build_object('stop', $3::text)
           FROM ended
          WHERE evaluation.rule_id = ended.rule_id AND evaluation.event_id = ended.event_id",
        rule,
        before,
        why
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Says of a wait that ended why nothing came of it.
pub(crate) async fn came_to_nothing(
    conn: &mut PgConnection,
    rule: Uuid,
    event: Uuid,
    why: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE rules.evaluation
            SET outcome = 'refused', trace = trace || jsonb_build_object('stop', $3::text)
          WHERE rule_id = $1 AND event_id = $2 AND outcome = 'waiting'",
        rule,
        event,
        why
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends everything that waits of these rules, and says why in their traces. With a subject: what waits because of an
/// event about it.
pub(crate) async fn end_all(
    conn: &mut PgConnection,
    rules: &[Uuid],
    subject: Option<&str>,
    why: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH ended AS (
             DELETE FROM rules.waiting
              WHERE rule_id = ANY($1) AND ($2::text IS NULL OR subject = $2)
             RETURNING rule_id, event_id
         )
         UPDATE rules.evaluation
            SET outcome = 'refused', trace = evaluation.trace || jsonb_build_object('stop', $3::text)
           FROM ended
          WHERE evaluation.rule_id = ended.rule_id AND evaluation.event_id = ended.event_id",
        rules,
        subject,
        why
    )
    .execute(conn)
    .await?;
    Ok(())
}
