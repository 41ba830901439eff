//! What the plugin manager publishes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spine::event::Registry;

/// A plugin was installed, granted, enabled, disabled, upgraded, rolled back, quarantined or removed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PluginChanged {
    /// The plugin.
    pub plugin: String,
    /// Its version after the change.
    pub version: String,
    /// SHA-256 of its component, in hex.
    pub digest: String,
    /// `installed`, `granted`, `enabled`, `disabled`, `configured`, `upgraded`, `rolled_back`, `quarantined`,
    /// `recovered`, `removed`.
    pub change: String,
}
event!(PluginChanged, "plugins.PluginChanged.v1", "plugins", |e| format!("plugin:{}", e.plugin), sealed: false);

pub(super) fn register(registry: &mut Registry) {
    registry.register::<PluginChanged>();
}
