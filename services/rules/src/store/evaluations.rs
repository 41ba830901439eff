//! Reading what came of evaluations.

use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use sqlx::PgPool;
use uuid::Uuid;

/// What came of an evaluation.
#[derive(Clone, Debug)]
pub(crate) struct StoredEvaluation {
    pub(crate) id: Uuid,
    pub(crate) rule_id: Uuid,
    pub(crate) version: i32,
    pub(crate) event_id: Uuid,
    pub(crate) event_type: String,
    pub(crate) outcome: String,
    pub(crate) at: DateTime<Utc>,
    pub(crate) micros: i32,
    pub(crate) trace: Json,
    /// The trace follows from the event and the rule's version, and only says where it stopped.
    pub(crate) derived: bool,
}

/// One evaluation.
pub(crate) async fn find(
    pool: &PgPool,
    evaluation: Uuid,
) -> sqlx::Result<Option<StoredEvaluation>> {
    sqlx::query_as!(
        StoredEvaluation,
        "SELECT id, rule_id, version, event_id, event_type, outcome, at, micros, trace, derived
           FROM rules.evaluation WHERE id = $1",
        evaluation
    )
    .fetch_optional(pool)
    .await
}

/// A rule's evaluations, newest first.
pub(crate) async fn list(
    pool: &PgPool,
    rule: Uuid,
    outcome: Option<&str>,
    before: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<StoredEvaluation>> {
    let (at, id) = before.unzip();
    sqlx::query_as!(
        StoredEvaluation,
        "SELECT id, rule_id, version, event_id, event_type, outcome, at, micros, trace, derived
           FROM rules.evaluation
          WHERE rule_id = $1 AND ($2::text IS NULL OR outcome = $2)
            AND ($3::timestamptz IS NULL OR (at, id) < ($3, $4))
          ORDER BY at DESC, id DESC
          LIMIT $5",
        rule,
        outcome,
        at,
        id,
        limit
    )
    .fetch_all(pool)
    .await
}
