//! What the ETL service publishes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spine::event::Registry;
use uuid::Uuid;

/// Records could not be mapped: they are kept and can be mapped again when the mapping is mended.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RecordsRefused {
    /// The account they came from.
    pub account: Uuid,
    /// How many.
    pub count: u32,
    /// The mapping, as `name@3`; none where no mapping takes the kind.
    pub mapping: Option<String>,
    /// The first of the reasons, without the record's content.
    pub reason: String,
}
event!(RecordsRefused, "etl.RecordsRefused.v1", "etl", |e| format!("connector:{}", e.account), sealed: false);

/// A mapping was added or got a new version.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MappingChanged {
    /// Its name.
    pub mapping: String,
    /// Its version.
    pub version: u32,
    /// Whether the history is mapped again with it.
    pub rerun: bool,
}
event!(MappingChanged, "etl.MappingChanged.v1", "etl", |e| format!("mapping:{}", e.mapping), sealed: false);

/// Two entities are likely the same; somebody, or the rule for clear cases, decides. The data service
/// publishes it, because names and aliases are there.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MatchProposed {
    /// The proposal.
    pub proposal: Uuid,
    /// One of them.
    pub left: Uuid,
    /// The other.
    pub right: Uuid,
    /// How likely, up to 1.
    pub score: f32,
    /// What speaks for it, such as `tel`, `email`, `name`.
    pub evidence: Vec<String>,
}
event!(MatchProposed, "etl.MatchProposed.v1", "data", |e| format!("match:{}", e.proposal), sealed: false);

pub(super) fn register(registry: &mut Registry) {
    registry.register::<RecordsRefused>().register::<MappingChanged>().register::<MatchProposed>();
}
