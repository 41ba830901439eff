//! What the connector service publishes.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spine::Snowflake;
use spine::event::Registry;
use uuid::Uuid;

use crate::access::SpaceId;
use crate::model::Operation;

/// A record as its source gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RawRecord {
    /// What kind, with the version of its form: `calendar.event/1`.
    pub kind: String,
    /// Its stable id at the source: (account, kind, external id) is unique.
    pub external_id: String,
    /// ETag, changeKey, SEQUENCE: equal means unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Whether it is there or gone.
    #[serde(default)]
    pub operation: Operation,
    /// When it changed at the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_time: Option<DateTime<Utc>>,
    /// What its payload is.
    pub media_type: String,
    /// The payload: text as it is, anything else in base64 after `base64:`.
    pub payload: String,
}

/// Records came in from an account of a connector. They are sealed under the account.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DataReceived {
    /// The account.
    pub account: Uuid,
    /// The plugin.
    pub plugin: String,
    /// The plugin's version.
    pub plugin_version: String,
    /// Whose account it is.
    pub owner: Snowflake,
    /// Where what comes from it belongs.
    pub space: SpaceId,
    /// Labels that everything from it carries.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The records, at most about a hundred.
    pub records: Vec<RawRecord>,
    /// The consent that the account rests on.
    #[serde(default)]
    pub consent: Option<Uuid>,
}
event!(DataReceived, "connector.DataReceived.v1", "connectors", |e| format!("connector:{}", e.account), sealed: true);

/// A webhook arrived for an account and was stored before it was answered.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct WebhookReceived {
    /// The account.
    pub account: Uuid,
    /// The plugin.
    pub plugin: String,
    /// Names the request, for ever.
    pub request: Uuid,
}
event!(WebhookReceived, "connector.WebhookReceived.v1", "connectors", |e| format!("connector:{}", e.account), sealed: false);

/// An account of a connector was added, changed, paused, removed, or failed for good.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AccountChanged {
    /// The account.
    pub account: Uuid,
    /// The plugin.
    pub plugin: String,
    /// Whose it is.
    pub owner: Snowflake,
    /// `added`, `changed`, `paused`, `resumed`, `removed`, `needs_sign_in`, `failed` (its configuration is
    /// wrong), `resync`.
    pub change: String,
}
event!(AccountChanged, "connector.AccountChanged.v1", "connectors", |e| format!("connector:{}", e.account), sealed: false);

pub(super) fn register(registry: &mut Registry) {
    registry.register::<DataReceived>().register::<WebhookReceived>().register::<AccountChanged>();
}
