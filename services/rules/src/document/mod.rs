//! A rule as people write it, in YAML or JSON: one shape, one JSON Schema.

mod actions;
mod check;
mod read;
mod schedule;
mod span;
mod tests;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use actions::{Action, Emit, EntityToWrite, Intention, JobAction, Message};
pub use check::check;
pub(crate) use check::event_type;
pub use read::{DocumentError, MediaType, read};
pub use schedule::{LocalSchedule, Schedule};
pub use span::{Span, UnreadableSpan};
pub use tests::{Expected, RuleTest};

/// The largest document, as it is sent.
pub const DOCUMENT_BYTES: usize = 64 << 10;

/// A rule: when something happens and this holds, do that.
///
/// Conditions are written in CEL (https://cel.dev). They see `event` (`id`, `type`, `source`, `subject`, `time`, `data`), `now` and
/// `owner` (the account of the rule's owner), what `let` names, and what they look up: `state("location")` of the owner,
/// `state("person:12", "location")`, `state_since(…)`, `entity("<id>")`, `entity_by_alias("tel", "+43…")`,
/// `count("<type>", "1h")`, `count("<type>", {"data.from.address": …}, "1h")` and `operator("plugin/operator", {…})`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleDocument {
    /// What it is called.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2_000))]
    pub description: Option<String>,
    /// Whether it runs.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// What happens when it is triggered while it waits (`for`).
    #[serde(default)]
    pub mode: Mode,
    /// What triggers it; any of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub on: Vec<Trigger>,
    /// When it runs by itself, beside `on` or instead of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Names for values, in CEL; each is worked out once, when it is needed.
    #[serde(default, rename = "let", skip_serializing_if = "BTreeMap::is_empty")]
    pub bindings: BTreeMap<String, String>,
    /// What must hold, in CEL: all of it, asked in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub when: Vec<String>,
    /// What must not hold, in CEL: none of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub unless: Vec<String>,
    /// How long the conditions must go on holding before it acts. They are asked again at the end; an event
    /// about the same subject for which they do not hold ends the wait.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub hold: Option<Span>,
    /// How often it may act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<Throttle>,
    /// What it does.
    #[serde(rename = "do")]
    #[schemars(length(min = 1, max = 16))]
    pub actions: Vec<Action>,
    /// Examples that must come out as said, or the rule is not taken.
    #[serde(default, rename = "test", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub tests: Vec<RuleTest>,
}

fn yes() -> bool {
    true
}

/// What happens when a rule is triggered while it waits for its `for`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The new trigger is dropped.
    #[default]
    Single,
    /// It waits for its turn.
    Queued,
    /// The wait begins anew, with the new trigger.
    Restart,
    /// Both wait.
    Parallel,
}

/// A type of event, and what it must be like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// The type, whole (`communication.CallStarted.v1`) or the beginning of it (`communication.*`).
    #[schemars(length(min = 2, max = 100), regex(pattern = r"^[A-Za-z][A-Za-z0-9_.]*\*?$"))]
    pub r#type: String,
    /// Fields of the event that must be equal to a text, a whole number, true, false or null. A field is a path
    /// (`data.from.address`, `subject`) or a JSON pointer (`/data/from/address`); where it begins with none of the event's
    /// own fields, it is one of `data`.
    #[serde(default, rename = "where", skip_serializing_if = "BTreeMap::is_empty")]
    pub guards: BTreeMap<String, Value>,
}

/// How often a rule may act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// Once within this time.
    pub every: Span,
    /// For each value of this (in CEL) by itself; without it, for the rule as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// The JSON Schema of a rule.
pub fn schema() -> Value {
    schemars::schema_for!(RuleDocument).to_value()
}
