//! What a plugin says of itself.

use serde_json::Value;

/// What code knows better than the manifest. The host asks once, at install.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// JSON Schema (2020-12) of the settings that a person fills in for an account; the node makes a
    /// form of it.
    pub config_schema: Value,
    /// The kinds of records that the plugin makes or takes, such as `calendar.event/1`.
    pub kinds: Vec<String>,
}

impl Description {
    /// Makes one.
    pub fn new<'a>(config_schema: Value, kinds: impl IntoIterator<Item = &'a str>) -> Self {
        Self { config_schema, kinds: kinds.into_iter().map(str::to_owned).collect() }
    }
}
