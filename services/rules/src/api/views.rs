//! Rules and evaluations as the API shows them.

use chrono::{DateTime, Utc};
use contracts::access::{Access, Resource, SpaceId};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use spine::{Problem, Snowflake};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::RulesError;
use crate::engine::Trace;
use crate::store::evaluations::StoredEvaluation;
use crate::store::rules::{StoredRule, StoredVersion};

/// A rule.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RuleView {
    /// Its id.
    pub id: Uuid,
    /// The account of its owner.
    #[schema(value_type = String, pattern = "^[0-9]{1,19}$")]
    pub owner: Snowflake,
    /// Where it belongs: the owner's own space, or the household's.
    pub space: SpaceId,
    /// The version of its document, from 1.
    pub version: i32,
    /// Whether it runs.
    pub enabled: bool,
    /// Why its limits stopped it; it runs again when it is changed or switched on.
    pub stopped: Option<String>,
    /// The document (`GET /rules/schema`).
    #[schema(value_type = Object)]
    pub document: Json,
    /// How the document was sent: `application/json` or `application/yaml`.
    pub media_type: String,
    /// The document as it was sent, with its comments.
    pub source: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// When it was changed or switched last.
    pub changed_at: DateTime<Utc>,
    /// How often it acted or began to wait.
    pub fired: i64,
    /// How often its conditions did not hold, or it was throttled.
    pub refused: i64,
    /// How often it failed.
    pub failed: i64,
    /// When it acted last.
    pub fired_at: Option<DateTime<Utc>>,
}

impl RuleView {
    pub(crate) fn of(stored: StoredRule) -> Result<Self, Problem> {
        let space = stored.space().map_err(RulesError::from)?;
        let mut document = stored.document;
        // It may have been switched since it was written.
        document["enabled"] = stored.enabled.into();
        Ok(Self {
            id: stored.id,
            owner: Snowflake(stored.owner_id),
            space,
            version: stored.version,
            enabled: stored.enabled,
            stopped: stored.stopped,
            document,
            media_type: stored.media_type,
            source: stored.source,
            made_at: stored.made_at,
            changed_at: stored.changed_at,
            fired: stored.fired,
            refused: stored.refused,
            failed: stored.failed,
            fired_at: stored.fired_at,
        })
    }
}

/// A rule as the policy sees it.
pub(crate) fn resource(rule: &StoredRule) -> Result<Resource, Problem> {
    let space = rule.space().map_err(RulesError::from)?;
    Ok(Resource::new("rule", rule.id.to_string(), space))
}

/// A version of a rule.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = RuleVersionView)]
pub struct VersionView {
    /// Its number, from 1.
    pub version: i32,
    /// How it was sent.
    pub media_type: String,
    /// SHA-256 of what was sent, in hex.
    pub hash: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Who made it.
    pub made_by: String,
}

impl From<StoredVersion> for VersionView {
    fn from(stored: StoredVersion) -> Self {
        Self {
            version: stored.version,
            media_type: stored.media_type,
            hash: stored.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            made_at: stored.made_at,
            made_by: stored.made_by,
        }
    }
}

/// A version of a rule with its document.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct VersionDocument {
    /// Its number.
    pub version: i32,
    /// The document.
    #[schema(value_type = Object)]
    pub document: Json,
    /// How it was sent.
    pub media_type: String,
    /// The document as it was sent.
    pub source: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
}

/// What came of asking a rule about an event.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EvaluationView {
    /// Its id.
    pub id: Uuid,
    /// The rule.
    pub rule: Uuid,
    /// The rule's version.
    pub version: i32,
    /// The event.
    pub event: Uuid,
    /// The event's type.
    pub event_type: String,
    /// `fired`, `refused`, `failed`, `throttled`, `waiting`.
    pub outcome: String,
    /// When.
    pub at: DateTime<Utc>,
    /// How long it took, in microseconds, without what was looked up.
    pub micros: i32,
    /// Where and why it stopped; none where it acted or waits.
    pub stop: Option<String>,
    /// Everything that was asked, with what was read: in the answer about one evaluation, for the owner of the rule. Of
    /// a refusal whose event cannot be read any more it only says where it stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
}

/// The scope that a token needs where what is read may be anything.
pub(crate) const READING: &str = "sovereign:read";

/// Whether what was read is shown to this caller at all: not by way of a token that may read rules and nothing else.
pub(crate) fn sees_values(access: &Access) -> bool {
    access.caller().has_scope(READING)
}

impl EvaluationView {
    /// Without its trace.
    pub(crate) fn summary(
        stored: StoredEvaluation,
        access: &Access,
        owner: Snowflake,
    ) -> Result<Self, Problem> {
        let trace: Trace = serde_json::from_value(stored.trace.clone())
            .map_err(|error| Problem::from(RulesError::from(error)))?;
        Ok(Self { trace: None, ..Self::of(stored, trace, access, owner) })
    }

    /// For somebody who may read the rule. What was read belongs to its owner alone: others of the household see which
    /// conditions there were and where it stopped, not the values.
    pub(crate) fn of(
        stored: StoredEvaluation,
        mut trace: Trace,
        access: &Access,
        owner: Snowflake,
    ) -> Self {
        if access.caller().responsible() != Some(owner) || !sees_values(access) {
            redact(&mut trace);
        }
        Self {
            id: stored.id,
            rule: stored.rule_id,
            version: stored.version,
            event: stored.event_id,
            event_type: stored.event_type,
            outcome: stored.outcome,
            at: stored.at,
            micros: stored.micros,
            stop: trace.stop.clone(),
            trace: Some(trace),
        }
    }
}

fn redact(trace: &mut Trace) {
    for clause in &mut trace.clauses {
        if !clause.value.is_boolean() {
            clause.value = Json::Null;
        }
        clause.error = clause.error.take().map(|_| "for the owner to see".to_owned());
        clause.read.clear();
    }
    // The words of an error may hold values; where a condition does not hold they name its place only.
    let plain = trace.stop.take().map(|stop| {
        let named =
            ["when[", "unless["].iter().any(|place| stop.starts_with(place)) && !stop.contains(':');
        if named { stop } else { "for the owner to see".to_owned() }
    });
    trace.stop = plain;
}
