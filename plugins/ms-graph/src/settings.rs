//! What a person sets.

use serde::Deserialize;
use serde_json::{Value, json};
use sovereign_plugin::PluginError;
use url::Url;

use crate::resource::Resource;

const API: &str = "https://graph.microsoft.com/v1.0";
const LOGIN: &str = "https://login.microsoftonline.com/common";
const DAYS_BACK: u32 = 90;
const DAYS_AHEAD: u32 = 365;
/// Microsoft's limit of a calendar view is five years.
const MOST_DAYS: u32 = 900;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(default)]
    base_url: Option<String>,
    /// For the host, which signs in; see `plugin.toml`.
    #[serde(default, rename = "login_url")]
    _login_url: Option<String>,
    #[serde(default)]
    resources: Option<Vec<Resource>>,
    #[serde(default)]
    days_back: Option<u32>,
    #[serde(default)]
    days_ahead: Option<u32>,
}

impl Settings {
    /// The address of the API, without a slash at its end.
    pub fn base(&self) -> Result<Url, PluginError> {
        let text = self.base_url.as_deref().unwrap_or(API).trim_end_matches('/');
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "https" | "http") && url.query().is_none() => Ok(url),
            _ => Err(PluginError::bad_config("base_url: must be an address such as https://…")),
        }
    }

    /// What is read: each once, in a fixed order.
    pub fn resources(&self) -> Vec<Resource> {
        let is_wanted = |resource: &Resource| {
            self.resources
                .as_ref()
                .is_none_or(|wanted| wanted.is_empty() || wanted.contains(resource))
        };
        Resource::ALL.into_iter().filter(is_wanted).collect()
    }

    pub fn days_back(&self) -> u32 {
        self.days_back.unwrap_or(DAYS_BACK).min(MOST_DAYS)
    }

    pub fn days_ahead(&self) -> u32 {
        self.days_ahead.unwrap_or(DAYS_AHEAD).clamp(1, MOST_DAYS)
    }
}

/// The settings' JSON Schema.
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "resources": {
                "type": "array",
                "items": {"type": "string", "enum": ["mail", "calendar", "contacts"]},
                "uniqueItems": true,
                "minItems": 1,
                "default": ["mail", "calendar", "contacts"],
                "title": "What is read",
            },
            "days_back": {
                "type": "integer",
                "minimum": 0,
                "maximum": MOST_DAYS,
                "default": DAYS_BACK,
                "title": "Days back",
                "description": "How old mail and events may be.",
            },
            "days_ahead": {
                "type": "integer",
                "minimum": 1,
                "maximum": MOST_DAYS,
                "default": DAYS_AHEAD,
                "title": "Days ahead",
                "description": "How far ahead events are read.",
            },
            "base_url": {
                "type": "string",
                "format": "uri",
                "maxLength": 2000,
                "default": API,
                "title": "Address of Microsoft Graph",
                "description": "Only for accounts in a national cloud.",
            },
            "login_url": {
                "type": "string",
                "format": "uri",
                "maxLength": 2000,
                "default": LOGIN,
                "title": "Address of the sign-in",
                "description": "Only for accounts in a national cloud, or of one organisation.",
            },
        },
        "additionalProperties": false,
    })
}
