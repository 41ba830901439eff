//! Writing what came of evaluations, and what keeps a rule from acting twice or too often.

use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// A rule as it stands when an outcome is written.
pub(crate) struct Standing {
    pub(crate) rule_id: Uuid,
    pub(crate) version: i32,
    pub(crate) runs: bool,
}

/// Holds the tallies of these rules, so that nobody else writes outcomes of theirs, and says how they stand.
pub(crate) async fn hold(conn: &mut PgConnection, rules: &[Uuid]) -> sqlx::Result<Vec<Standing>> {
    sqlx::query_as!(
        Standing,
        r#"SELECT tally.rule_id, rule.version,
                  (rule.enabled AND rule.stopped IS NULL AND rule.removed_at IS NULL) AS "runs!"
             FROM rules.tally JOIN rules.rule ON rule.id = tally.rule_id
            WHERE tally.rule_id = ANY($1)
            ORDER BY tally.rule_id
              FOR UPDATE OF tally"#,
        rules
    )
    .fetch_all(conn)
    .await
}

/// Which of these rules were asked about this event already.
pub(crate) async fn asked(
    conn: &mut PgConnection,
    event: Uuid,
    rules: &[Uuid],
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT rule_id AS "rule_id!" FROM rules.evaluation WHERE event_id = $1 AND rule_id = ANY($2)
           UNION
           SELECT rule_id FROM rules.firing WHERE event_id = $1 AND rule_id = ANY($2)"#,
        event,
        rules
    )
    .fetch_all(conn)
    .await
}

/// An outcome to be written.
#[derive(Clone, Debug)]
pub(crate) struct NewOutcome {
    pub(crate) id: Uuid,
    pub(crate) rule: Uuid,
    pub(crate) version: i32,
    pub(crate) outcome: &'static str,
    pub(crate) class: i16,
    pub(crate) micros: i32,
    pub(crate) trace: Json,
}

/// Of which event the outcomes are.
pub(crate) struct Of<'a> {
    pub(crate) event: Uuid,
    pub(crate) event_type: &'a str,
    pub(crate) at: DateTime<Utc>,
    pub(crate) about: &'a [String],
}

/// How many places the rings have: of class 0 and 1, and of class 2.
const RING: i64 = 50;
const FAILURES: i64 = 1_000;

/// Writes outcomes: the tallies count on, and each takes the next place of its ring.
pub(crate) async fn write(
    conn: &mut PgConnection,
    of: &Of<'_>,
    outcomes: &[NewOutcome],
) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = outcomes.iter().map(|outcome| outcome.id).collect();
    let rules: Vec<Uuid> = outcomes.iter().map(|outcome| outcome.rule).collect();
    let versions: Vec<i32> = outcomes.iter().map(|outcome| outcome.version).collect();
    let names: Vec<String> = outcomes.iter().map(|outcome| outcome.outcome.to_owned()).collect();
    let classes: Vec<i16> = outcomes.iter().map(|outcome| outcome.class).collect();
    let micros: Vec<i32> = outcomes.iter().map(|outcome| outcome.micros).collect();
    let traces: Vec<Json> = outcomes.iter().map(|outcome| outcome.trace.clone()).collect();
    sqlx::query!(
        "WITH new AS (
             SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::smallint[], $6::integer[], $7::jsonb[])
                        AS new (id, rule_id, version, outcome, class, micros, trace)
         ), counted AS (
             UPDATE rules.tally
                SET fired = tally.fired + (new.class = 0)::integer,
                    refused = tally.refused + (new.class = 1)::integer,
                    failed = tally.failed + (new.class = 2)::integer,
                    evaluated_at = $8
               FROM new WHERE tally.rule_id = new.rule_id
             RETURNING tally.rule_id, tally.fired, tally.refused, tally.failed
         )
         INSERT INTO rules.evaluation AS kept
             (id, rule_id, version, event_id, event_type, outcome, class, slot, at, micros, trace, about)
         SELECT new.id, new.rule_id, new.version, $9, $10, new.outcome, new.class,
                CASE new.class WHEN 0 THEN counted.fired % $12::bigint WHEN 1 THEN counted.refused % $12::bigint
                               ELSE counted.failed % $13::bigint END,
                $8, new.micros, new.trace, $11
           FROM new JOIN counted USING (rule_id)
             ON CONFLICT (rule_id, class, slot) DO UPDATE
            SET id = excluded.id, version = excluded.version, event_id = excluded.event_id,
                event_type = excluded.event_type, outcome = excluded.outcome, at = excluded.at,
                micros = excluded.micros, trace = excluded.trace, about = excluded.about",
        &ids,
        &rules,
        &versions,
        &names,
        &classes,
        &micros,
        &traces,
        of.at,
        of.event,
        of.event_type,
        of.about,
        RING,
        FAILURES
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes how a wait came out, where its trace is still kept.
pub(crate) async fn rewrite(
    conn: &mut PgConnection,
    event: Uuid,
    outcome: &NewOutcome,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE rules.evaluation SET outcome = $3, trace = $4, at = $5
          WHERE rule_id = $1 AND event_id = $2",
        outcome.rule,
        event,
        outcome.outcome,
        outcome.trace,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Remembers that a rule acted on an event.
pub(crate) async fn fired(
    conn: &mut PgConnection,
    rule: Uuid,
    event: Uuid,
    depth: i32,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO rules.firing (rule_id, event_id, depth, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        rule,
        event,
        depth,
        now
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("UPDATE rules.tally SET fired_at = $2 WHERE rule_id = $1", rule, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// How often a rule acted since a time, counted up to `most`.
pub(crate) async fn firings_since(
    conn: &mut PgConnection,
    rule: Uuid,
    since: DateTime<Utc>,
    most: i64,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
             FROM (SELECT FROM rules.firing WHERE rule_id = $1 AND at > $2 LIMIT $3) AS recent"#,
        rule,
        since,
        most
    )
    .fetch_one(conn)
    .await
}

/// The longest chain of rules that acted on this event.
pub(crate) async fn depth_at(pool: &PgPool, event: Uuid) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!("SELECT max(depth) FROM rules.firing WHERE event_id = $1", event)
        .fetch_one(pool)
        .await
}

/// Takes a throttle's turn; false where it is not yet time.
pub(crate) async fn take_turn(
    conn: &mut PgConnection,
    rule: Uuid,
    key: &str,
    now: DateTime<Utc>,
    last: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let taken = sqlx::query!(
        "INSERT INTO rules.throttle AS known (rule_id, key, fired_at) VALUES ($1, $2, $3)
             ON CONFLICT (rule_id, key) DO UPDATE SET fired_at = excluded.fired_at
          WHERE known.fired_at <= $4",
        rule,
        key,
        now,
        last
    )
    .execute(conn)
    .await?;
    Ok(taken.rows_affected() > 0)
}

/// Empties the traces that are about somebody or something that was erased.
pub(crate) async fn forget(conn: &mut PgConnection, subject: &str) -> sqlx::Result<()> {
    sqlx::query!(
        r#"UPDATE rules.evaluation
              SET trace = '{"clauses": [], "stop": "what this was about was erased"}', about = '{}'
            WHERE about @> ARRAY[$1::text]"#,
        subject
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Drops what is old: the events that rules acted on, keys of throttles, failures.
pub(crate) async fn drop_old(
    conn: &mut PgConnection,
    firings: DateTime<Utc>,
    throttles: DateTime<Utc>,
    failures: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM rules.firing WHERE at < $1", firings).execute(&mut *conn).await?;
    sqlx::query!("DELETE FROM rules.throttle WHERE fired_at < $1", throttles)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("DELETE FROM rules.evaluation WHERE class = 2 AND at < $1", failures)
        .execute(conn)
        .await?;
    Ok(())
}
