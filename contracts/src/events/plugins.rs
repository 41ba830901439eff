//! What the plugin manager publishes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spine::event::Registry;
use uuid::Uuid;

/// A plugin was installed, granted, enabled, disabled, configured, upgraded, rolled back, quarantined or
/// removed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PluginChanged {
    /// The plugin.
    pub plugin: String,
    /// Its version after the change.
    pub version: String,
    /// SHA-256 of its component, in hex.
    pub digest: String,
    /// `installed`, `granted`, `enabled`, `disabled`, `configured`, `upgrade_pending`, `upgraded`,
    /// `rolled_back`, `quarantined`, `recovered`, `removed`.
    pub change: String,
    /// A newer version that waits for the operator, as it asks for more than was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    /// The account whose secret was set or removed, of `configured`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Uuid>,
    /// Why, of `quarantined`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
event!(PluginChanged, "plugins.PluginChanged.v1", "plugins", |e| format!("plugin:{}", e.plugin), sealed: false);

pub(super) fn register(registry: &mut Registry) {
    registry.register::<PluginChanged>();
}
