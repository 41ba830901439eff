//! Examples that a rule brings along: they run when it is saved.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::EventDocument;

/// An example of what the rule does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleTest {
    /// What happens.
    pub given: EventDocument,
    /// What `state` finds, by `facet` (of the owner) or `subject/facet`; nothing else is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub state: BTreeMap<String, Value>,
    /// What `entity` finds, by id, and `entity_by_alias`, by `scheme:value`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub entities: BTreeMap<String, Value>,
    /// What `count` finds, by type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u32>,
    /// What operators give, by `plugin/operator`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub operators: BTreeMap<String, Value>,
    /// What comes out.
    pub expect: Expected,
}

/// What comes out of an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Expected {
    /// It acts (or would, after its `for`).
    Fired,
    /// It does not: not triggered, or a condition does not hold.
    Refused,
}
