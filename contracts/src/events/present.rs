//! What the present service publishes.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spine::event::Registry;

use crate::access::SpaceId;

/// A state of now changed in a way that matters: somebody arrived or left, came or went, a call began.
/// Not recorded for each reading.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct StateChanged {
    /// Whose state: `person:<account>`, `device:<uuid>`, `channel:<uuid>`.
    pub subject: String,
    /// Which: `location`, `presence`, `call`, `device`.
    pub facet: String,
    /// Where it belongs.
    pub space: SpaceId,
    /// What it was; none where it was not known.
    pub before: Option<Value>,
    /// What it is; none where it is not known any more.
    pub now: Option<Value>,
    /// Since when.
    pub since: DateTime<Utc>,
}
event!(StateChanged, "present.StateChanged.v1", "present", |e| e.subject.clone(), sealed: true);

pub(super) fn register(registry: &mut Registry) {
    registry.register::<StateChanged>();
}
