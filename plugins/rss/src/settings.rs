//! What a person sets.

use serde::Deserialize;
use serde_json::{Value, json};
use sovereign_plugin::PluginError;
use url::Url;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    url: String,
}

impl Settings {
    /// The feed's address.
    pub fn checked_url(&self) -> Result<Url, PluginError> {
        let url = Url::parse(self.url.trim())
            .map_err(|error| PluginError::bad_config(format!("url: {error}")))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(PluginError::bad_config("url: must begin with https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PluginError::bad_config("url: must not hold a password"));
        }
        Ok(url)
    }
}

/// The settings' JSON Schema.
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "url": {
                "type": "string",
                "format": "uri",
                "pattern": "^https?://",
                "maxLength": 2000,
                "title": "Address of the feed",
                "description": "An RSS, Atom or JSON feed, such as https://example.org/feed.xml",
            },
        },
        "required": ["url"],
        "additionalProperties": false,
    })
}
