//! What a rule does: it makes data (events, intentions) and orders jobs; it never calls out.

use std::collections::BTreeMap;

use contracts::model::Operation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One thing that a rule does. Texts may hold `{{ CEL }}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Send a message.
    Message(Message),
    /// Say something, for other rules and for apps (`rules.Signalled.v1`).
    Emit(Emit),
    /// Propose something that a person decides (`rules.IntentionProposed.v1`).
    Intention(Intention),
    /// Order a job.
    Job(JobAction),
}

/// A message to send. The communication service asks the policy before it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Through which channel: its id, or CEL that gives it. Without one, the owner's default for the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4_096))]
    pub channel: Option<String>,
    /// To whom: an address (`+431234567`, `jo@mail.example`), a text with `{{ CEL }}`, or CEL that gives an address or a list of
    /// them.
    #[schemars(length(min = 1, max = 4_096))]
    pub to: String,
    /// The subject, where the channel has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4_096))]
    pub subject: Option<String>,
    /// The text.
    #[schemars(length(min = 1, max = 16_384))]
    pub text: String,
}

/// Something that a rule says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Emit {
    /// What it is called.
    #[schemars(length(min = 1, max = 100), regex(pattern = r"^[A-Za-z][A-Za-z0-9_.-]*$"))]
    pub name: String,
    /// What it says; a text that is nothing but `{{ CEL }}` keeps the value's type.
    #[serde(default)]
    pub data: Map<String, Value>,
}

/// Something that a rule proposes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Intention {
    /// What is intended, in words.
    #[schemars(length(min = 1, max = 4_096))]
    pub title: String,
    /// More about it, as in `emit`.
    #[serde(default)]
    pub data: Map<String, Value>,
}

/// A job that services have a contract for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobAction {
    /// Write entities into the rule's own space of the graph: 1 to 16.
    WriteEntities(Vec<EntityToWrite>),
}

/// An entity that a rule keeps in the graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntityToWrite {
    /// Its type, by schema.org's name.
    pub r#type: String,
    /// Its id among the rule's entities: the same is always the same entity.
    #[schemars(length(min = 1, max = 4_096))]
    pub id: String,
    /// Whether it is there or gone.
    #[serde(default)]
    pub operation: Operation,
    /// Its properties, as in `emit`.
    #[serde(default)]
    pub data: Map<String, Value>,
    /// Its labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub labels: Vec<String>,
    /// Other names it is recognised by: `{tel: "+43…"}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, String>,
}
