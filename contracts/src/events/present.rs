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
    /// What it was; none where it was not known. Of what something else had reported only what matters: a
    /// place's name, a call's id, what somebody said of being there.
    pub before: Option<Value>,
    /// What it is; none where it is not known any more.
    pub now: Option<Value>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What reported it: `device:<uuid>`, `call:<uuid>`. The payload is sealed under it, so that it goes with
    /// all else that it reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl spine::EventData for StateChanged {
    const TYPE: &'static str = "present.StateChanged.v1";
    const SOURCE: &'static str = "present";

    fn subject(&self) -> String {
        self.subject.clone()
    }

    fn sealed_under(&self) -> Option<String> {
        Some(self.source.clone().unwrap_or_else(|| self.subject.clone()))
    }
}

pub(super) fn register(registry: &mut Registry) {
    registry.register::<StateChanged>();
}
