//! Refusals: a row an event, until they are folded into the rings of their rules.

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::outcomes::{NewOutcome, Of};

/// Writes what came of an event's rules that did not act; once for an event.
pub(crate) async fn write(
    conn: &mut PgConnection,
    of: &Of<'_>,
    refused: &[NewOutcome],
) -> sqlx::Result<()> {
    let rules: Vec<Uuid> = refused.iter().map(|outcome| outcome.rule).collect();
    let versions: Vec<i32> = refused.iter().map(|outcome| outcome.version).collect();
    let outcomes: Vec<String> = refused.iter().map(|outcome| outcome.outcome.to_owned()).collect();
    let stops: Vec<String> = refused.iter().map(|outcome| outcome.stop.clone()).collect();
    let micros: Vec<i32> = refused.iter().map(|outcome| outcome.micros).collect();
    let traces: Vec<Option<Json>> = refused.iter().map(|outcome| outcome.trace.clone()).collect();
    sqlx::query!(
        "INSERT INTO rules.refusal
             (event_id, event_type, at, rules, versions, outcomes, stops, micros, traces, about)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT DO NOTHING",
        of.event,
        of.event_type,
        of.at,
        &rules,
        &versions,
        &outcomes,
        &stops,
        &micros,
        &traces as &[Option<Json>],
        of.about
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What came of one event's rules.
pub(crate) struct Refused {
    pub(crate) event_id: Uuid,
    pub(crate) at: DateTime<Utc>,
    pub(crate) rules: Vec<Uuid>,
    versions: Vec<i32>,
    outcomes: Vec<String>,
    stops: Vec<String>,
    micros: Vec<i32>,
    traces: Vec<Option<Json>>,
}

/// A refusal on its way into the ring of its rule.
#[derive(Debug)]
pub(crate) struct Folded {
    pub(crate) id: Uuid,
    pub(crate) rule: Uuid,
    pub(crate) event: Uuid,
    pub(crate) version: i32,
    pub(crate) outcome: String,
    pub(crate) micros: i32,
    pub(crate) trace: Json,
    pub(crate) derived: bool,
    /// How many refusals of the rule are folded with it.
    pub(crate) count: i64,
    /// When the last of them was.
    pub(crate) last: DateTime<Utc>,
    /// How many of them are newer.
    pub(crate) before: i64,
}

impl Refused {
    /// What came of the rule at this place.
    pub(crate) fn one(&self, index: usize, rule: Uuid) -> Option<Folded> {
        let stop = self.stops.get(index)?;
        let trace = self.traces.get(index)?.clone();
        Some(Folded {
            id: Uuid::nil(),
            rule,
            event: self.event_id,
            version: *self.versions.get(index)?,
            outcome: self.outcomes.get(index)?.clone(),
            micros: *self.micros.get(index)?,
            derived: trace.is_none(),
            trace: trace.unwrap_or_else(|| json!({ "clauses": [], "stop": stop })),
            count: 0,
            last: self.at,
            before: 0,
        })
    }
}

/// Whether there is anything to be folded.
pub(crate) async fn are_there(pool: &PgPool) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM rules.refusal) AS "are!""#)
        .fetch_one(pool)
        .await
}

/// Takes the oldest of them; what another process has taken is passed over.
pub(crate) async fn take(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Refused>> {
    sqlx::query_as!(
        Refused,
        r#"SELECT event_id, at, rules, versions, outcomes, stops, micros,
                  traces AS "traces: Vec<Option<Json>>"
             FROM rules.refusal ORDER BY event_id LIMIT $1 FOR UPDATE SKIP LOCKED"#,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Waits until whoever has taken the oldest is done.
pub(crate) async fn wait(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT event_id FROM rules.refusal ORDER BY event_id LIMIT 1 FOR UPDATE")
        .fetch_optional(conn)
        .await?;
    Ok(())
}

/// Puts them into the rings of their rules, which are held. A rule that was removed meanwhile has none.
pub(crate) async fn keep(
    conn: &mut PgConnection,
    folded: &[Folded],
    ring: i64,
) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = folded.iter().map(|one| one.id).collect();
    let rules: Vec<Uuid> = folded.iter().map(|one| one.rule).collect();
    let events: Vec<Uuid> = folded.iter().map(|one| one.event).collect();
    let versions: Vec<i32> = folded.iter().map(|one| one.version).collect();
    let outcomes: Vec<String> = folded.iter().map(|one| one.outcome.clone()).collect();
    let micros: Vec<i32> = folded.iter().map(|one| one.micros).collect();
    let traces: Vec<Json> = folded.iter().map(|one| one.trace.clone()).collect();
    let derived: Vec<bool> = folded.iter().map(|one| one.derived).collect();
    let counts: Vec<i64> = folded.iter().map(|one| one.count).collect();
    let lasts: Vec<DateTime<Utc>> = folded.iter().map(|one| one.last).collect();
    let before: Vec<i64> = folded.iter().map(|one| one.before).collect();
    sqlx::query!(
        "WITH new AS (
             SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::text[], $6::integer[],
                                  $7::jsonb[], $8::boolean[], $9::bigint[], $10::timestamptz[], $11::bigint[])
                        AS new (id, rule_id, event_id, version, outcome, micros, trace, derived, count, last, before)
         ), counted AS (
             UPDATE rules.tally
                SET refused = tally.refused + new.count, evaluated_at = greatest(tally.evaluated_at, new.last)
               FROM new WHERE tally.rule_id = new.rule_id AND new.before = 0
             RETURNING tally.rule_id, tally.refused
         )
         INSERT INTO rules.evaluation
             (id, rule_id, version, event_id, event_type, outcome, class, slot, at, micros, trace, derived, about)
         SELECT new.id, new.rule_id, new.version, new.event_id, refusal.event_type, new.outcome, 1,
                (counted.refused - new.before) % $12::bigint, refusal.at, new.micros, new.trace, new.derived, refusal.about
           FROM new
           JOIN counted USING (rule_id)
           JOIN rules.refusal USING (event_id)
          WHERE NOT EXISTS (SELECT FROM rules.evaluation AS known
                             WHERE known.rule_id = new.rule_id AND known.event_id = new.event_id)
             ON CONFLICT (rule_id, class, slot) DO UPDATE
            SET id = excluded.id, version = excluded.version, event_id = excluded.event_id,
                event_type = excluded.event_type, outcome = excluded.outcome, at = excluded.at,
                micros = excluded.micros, trace = excluded.trace, derived = excluded.derived, about = excluded.about",
        &ids,
        &rules,
        &events,
        &versions,
        &outcomes,
        &micros,
        &traces,
        &derived,
        &counts,
        &lasts,
        &before,
        ring
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Drops what was folded.
pub(crate) async fn drop(conn: &mut PgConnection, events: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM rules.refusal WHERE event_id = ANY($1)", events)
        .execute(conn)
        .await?;
    Ok(())
}
