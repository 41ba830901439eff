//! What the rules service publishes.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use spine::Snowflake;
use spine::event::Registry;
use uuid::Uuid;

use crate::access::SpaceId;

/// A rule was made, changed, switched or removed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RuleChanged {
    /// The rule.
    pub rule: Uuid,
    /// Its version.
    pub version: u32,
    /// Whose it is.
    pub owner: Snowflake,
    /// `made`, `changed`, `enabled`, `disabled`, `removed`, `stopped` (by its limits).
    pub change: String,
}
event!(RuleChanged, "rules.RuleChanged.v1", "rules", |e| format!("rule:{}", e.rule), sealed: false);

/// A rule's conditions held, and its actions were scheduled.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RuleFired {
    /// The rule.
    pub rule: Uuid,
    /// Its version.
    pub version: u32,
    /// Whose it is.
    pub owner: Snowflake,
    /// The evaluation, whose trace says why.
    pub evaluation: Uuid,
}
event!(RuleFired, "rules.RuleFired.v1", "rules", |e| format!("rule:{}", e.rule), sealed: false);

/// What a rule says (its action `emit`): for other rules and for apps.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Signalled {
    /// The rule.
    pub rule: Uuid,
    /// Whose it is.
    pub owner: Snowflake,
    /// The rule's space: who may hear it.
    #[serde(default)]
    pub space: Option<SpaceId>,
    /// What it calls it.
    pub name: String,
    /// What it says.
    pub data: Map<String, Value>,
}
event!(Signalled, "rules.Signalled.v1", "rules", |e| format!("rule:{}", e.rule), sealed: true);

/// A rule proposes something that a person, or the intentions service, decides (its action `intention`).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct IntentionProposed {
    /// The intention.
    pub intention: Uuid,
    /// The rule.
    pub rule: Uuid,
    /// For whom.
    pub owner: Snowflake,
    /// The rule's space: who may see it.
    #[serde(default)]
    pub space: Option<SpaceId>,
    /// What is intended, in words.
    pub title: String,
    /// More about it.
    pub data: Map<String, Value>,
}
event!(IntentionProposed, "rules.IntentionProposed.v1", "rules", |e| format!("rule:{}", e.rule), sealed: true);

/// The time of a rule's schedule has come.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleReached {
    /// The rule.
    pub rule: Uuid,
    /// Whose it is.
    pub owner: Snowflake,
    /// The time that was scheduled; the event itself may come later.
    pub at: DateTime<Utc>,
}
event!(ScheduleReached, "rules.ScheduleReached.v1", "rules", |e| format!("rule:{}", e.rule), sealed: false);

pub(super) fn register(registry: &mut Registry) {
    registry
        .register::<RuleChanged>()
        .register::<RuleFired>()
        .register::<Signalled>()
        .register::<IntentionProposed>()
        .register::<ScheduleReached>();
}
