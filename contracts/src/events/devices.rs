//! What people's devices report.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use spine::event::Registry;
use spine::{Retention, Snowflake};
use uuid::Uuid;

/// A device reported something. Readings are many: they are kept for a month; what they amount to is in
/// the state of now and its changes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DeviceReported {
    /// The device.
    pub device: Uuid,
    /// Whose it is.
    pub person: Snowflake,
    /// The device's own id for this report: the same is never taken twice.
    pub report: String,
    /// What it is about: `location`, `presence`, `battery`, `activity`, `sensor`…
    pub facet: String,
    /// When it was so, by the device's clock (corrected where that is plainly wrong).
    pub at: DateTime<Utc>,
    /// What it saw: of a `location` either `latitude`, `longitude` and `accuracy` (metres), or `place` by name.
    pub data: Map<String, Value>,
}
event!(DeviceReported, "device.Reported.v1", "connectors", |e| format!("device:{}", e.device), sealed: true, keep: Retention::Days(31));

/// A device was registered, renamed or removed, or got a new token.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DeviceChanged {
    /// The device.
    pub device: Uuid,
    /// Whose it is.
    pub person: Snowflake,
    /// `registered`, `renamed`, `renewed` (it has another token), `removed`.
    pub change: String,
}
event!(DeviceChanged, "device.Changed.v1", "connectors", |e| format!("device:{}", e.device), sealed: false);

pub(super) fn register(registry: &mut Registry) {
    registry.register::<DeviceReported>().register::<DeviceChanged>();
}
