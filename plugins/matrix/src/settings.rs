//! What a person sets.

use serde::Deserialize;
use serde_json::{Value, json};
use sovereign_plugin::PluginError;
use url::Url;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    homeserver: String,
    /// Its own events come back to an application service.
    pub user_id: String,
}

impl Settings {
    /// The homeserver's address, without a slash at its end.
    pub fn base(&self) -> Result<String, PluginError> {
        if !self.user_id.starts_with('@') || !self.user_id.contains(':') {
            return Err(PluginError::bad_config("user_id: must be such as @name:example.org"));
        }
        let base = self.homeserver.trim().trim_end_matches('/');
        match Url::parse(base) {
            Ok(url) if matches!(url.scheme(), "https" | "http") && url.query().is_none() => {
                Ok(base.to_owned())
            }
            _ => Err(PluginError::bad_config("homeserver: must be an address such as https://…")),
        }
    }
}

/// The settings' JSON Schema.
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "homeserver": {
                "type": "string",
                "format": "uri",
                "pattern": "^https?://",
                "maxLength": 2000,
                "title": "Address of the homeserver",
                "description": "Where its API is, such as https://matrix.example.org",
            },
            "user_id": {
                "type": "string",
                "pattern": "^@[^:]*:.+$",
                "maxLength": 255,
                "title": "Account",
                "description": "Such as @household:example.org",
            },
        },
        "required": ["homeserver", "user_id"],
        "additionalProperties": false,
    })
}
