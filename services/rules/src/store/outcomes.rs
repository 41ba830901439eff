//! Writing what came of evaluations, and what keeps a rule from acting twice or too often.

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::engine::limits::FIRINGS_PER_MINUTE;
use crate::outcome::evaluation_id;

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
           SELECT rule_id FROM rules.firing WHERE event_id = $1 AND rule_id = ANY($2)
           UNION
           SELECT refused.rule_id FROM rules.refusal, unnest(rules) AS refused (rule_id) WHERE event_id = $1"#,
        event,
        rules
    )
    .fetch_all(conn)
    .await
}

/// What came of an evaluation, to be written.
#[derive(Clone, Debug)]
pub(crate) struct NewOutcome {
    pub(crate) rule: Uuid,
    pub(crate) version: i32,
    pub(crate) outcome: &'static str,
    pub(crate) class: i16,
    pub(crate) micros: i32,
    /// Why it did not act; empty where it did.
    pub(crate) stop: String,
    /// None: it follows from the event and the rule's version.
    pub(crate) trace: Option<Json>,
}

/// Of which event the outcomes are.
pub(crate) struct Of<'a> {
    pub(crate) event: Uuid,
    pub(crate) event_type: &'a str,
    pub(crate) at: DateTime<Utc>,
    pub(crate) about: &'a [String],
}

/// How many places the rings have: of class 0 and 1, and of class 2.
pub(crate) const RING: i64 = 50;
const FAILURES: i64 = 1_000;

/// Writes what fired, waits or failed, each with its trace: the tallies count on, and each takes the next place of its
/// ring. The rules are held.
pub(crate) async fn write(
    conn: &mut PgConnection,
    of: &Of<'_>,
    outcomes: &[NewOutcome],
) -> sqlx::Result<()> {
    let id = |outcome: &NewOutcome| evaluation_id(outcome.rule, of.event);
    let ids: Vec<Uuid> = outcomes.iter().map(id).collect();
    let rules: Vec<Uuid> = outcomes.iter().map(|outcome| outcome.rule).collect();
    let versions: Vec<i32> = outcomes.iter().map(|outcome| outcome.version).collect();
    let names: Vec<String> = outcomes.iter().map(|outcome| outcome.outcome.to_owned()).collect();
    let classes: Vec<i16> = outcomes.iter().map(|outcome| outcome.class).collect();
    let micros: Vec<i32> = outcomes.iter().map(|outcome| outcome.micros).collect();
    let traces: Vec<Json> = outcomes.iter().map(NewOutcome::whole_trace).collect();
    sqlx::query!(
        "WITH new AS (
             SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::smallint[], $6::integer[], $7::jsonb[])
                        AS new (id, rule_id, version, outcome, class, micros, trace)
         ), counted AS (
             UPDATE rules.tally
                SET fired = tally.fired + (new.class = 0)::integer,
                    failed = tally.failed + (new.class = 2)::integer,
                    fired_at = CASE new.outcome WHEN 'fired' THEN $8 ELSE tally.fired_at END,
                    evaluated_at = $8
               FROM new WHERE tally.rule_id = new.rule_id
             RETURNING tally.rule_id, tally.fired, tally.failed
         )
         INSERT INTO rules.evaluation AS kept
             (id, rule_id, version, event_id, event_type, outcome, class, slot, at, micros, trace, about)
         SELECT new.id, new.rule_id, new.version, $9, $10, new.outcome, new.class,
                CASE new.class WHEN 0 THEN counted.fired % $12::bigint ELSE counted.failed % $13::bigint END,
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

impl NewOutcome {
    fn whole_trace(&self) -> Json {
        let stop = (!self.stop.is_empty()).then_some(&self.stop);
        self.trace.clone().unwrap_or_else(|| json!({ "clauses": [], "stop": stop }))
    }
}

/// Writes how a wait came out, where its trace is still kept.
pub(crate) async fn rewrite(
    conn: &mut PgConnection,
    event: Uuid,
    outcome: &NewOutcome,
    now: DateTime<Utc>,
    about: &[String],
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE rules.evaluation
            SET outcome = $3, trace = $4, derived = $6, at = $5,
                about = ARRAY(SELECT DISTINCT unnest(about || $7::text[]))
          WHERE rule_id = $1 AND event_id = $2",
        outcome.rule,
        event,
        outcome.outcome,
        outcome.whole_trace(),
        now,
        outcome.trace.is_none(),
        about
    )
    .execute(&mut *conn)
    .await?;
    if outcome.outcome == "fired" {
        sqlx::query!("UPDATE rules.tally SET fired_at = $2 WHERE rule_id = $1", outcome.rule, now)
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// Remembers that rules acted on an event.
pub(crate) async fn fired(
    conn: &mut PgConnection,
    rules: &[Uuid],
    event: Uuid,
    depth: i32,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO rules.firing (rule_id, event_id, depth, at)
         SELECT rule_id, $2, $3, $4 FROM unnest($1::uuid[]) AS rule_id
             ON CONFLICT DO NOTHING",
        rules,
        event,
        depth,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How often a rule acted lately.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recent {
    pub(crate) rule_id: Uuid,
    pub(crate) minute: i64,
    pub(crate) hour: i64,
    pub(crate) day: i64,
}

/// How often rules acted within the last minute, hour and day; of each at most its last 6,000 times are counted.
pub(crate) async fn recent_firings(
    conn: &mut PgConnection,
    rules: &[Uuid],
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Recent>> {
    sqlx::query_as!(
        Recent,
        r#"SELECT asked.rule_id AS "rule_id!",
                  count(*) FILTER (WHERE recent.at > $2::timestamptz - interval '1 minute') AS "minute!",
                  count(*) FILTER (WHERE recent.at > $2::timestamptz - interval '1 hour') AS "hour!",
                  count(*) AS "day!"
             FROM unnest($1::uuid[]) AS asked (rule_id)
            CROSS JOIN LATERAL (
                  SELECT at FROM rules.firing
                   WHERE firing.rule_id = asked.rule_id AND at > $2::timestamptz - interval '1 day'
                   ORDER BY at DESC LIMIT $3) AS recent
            GROUP BY asked.rule_id"#,
        rules,
        now,
        FIRINGS_PER_MINUTE
    )
    .fetch_all(conn)
    .await
}

/// The longest chain of rules that acted on this event.
pub(crate) async fn depth_at(pool: &PgPool, event: Uuid) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!("SELECT max(depth) FROM rules.firing WHERE event_id = $1", event)
        .fetch_one(pool)
        .await
}

/// A turn of a throttle.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) rule: Uuid,
    pub(crate) key: String,
    /// Nobody took one after this time.
    pub(crate) last: DateTime<Utc>,
    /// When it is forgotten.
    pub(crate) until: DateTime<Utc>,
}

/// Takes the turns, of each rule one: those of these rules are taken, for the others it is not yet time.
pub(crate) async fn take_turns(
    conn: &mut PgConnection,
    turns: &[Turn],
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Uuid>> {
    let rules: Vec<Uuid> = turns.iter().map(|turn| turn.rule).collect();
    let keys: Vec<String> = turns.iter().map(|turn| turn.key.clone()).collect();
    let lasts: Vec<DateTime<Utc>> = turns.iter().map(|turn| turn.last).collect();
    let untils: Vec<DateTime<Utc>> = turns.iter().map(|turn| turn.until).collect();
    sqlx::query_scalar!(
        "WITH turn AS (
             SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[])
                        AS turn (rule_id, key, last, until)
         )
         INSERT INTO rules.throttle AS known (rule_id, key, fired_at, until)
         SELECT turn.rule_id, turn.key, $5, turn.until
           FROM turn
           LEFT JOIN rules.throttle AS before ON before.rule_id = turn.rule_id AND before.key = turn.key
          WHERE before.fired_at IS NULL OR before.fired_at <= turn.last
             ON CONFLICT (rule_id, key) DO UPDATE SET fired_at = excluded.fired_at, until = excluded.until
         RETURNING known.rule_id",
        &rules,
        &keys,
        &lasts,
        &untils,
        now
    )
    .fetch_all(conn)
    .await
}
