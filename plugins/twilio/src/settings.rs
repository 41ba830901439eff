//! What a person sets.

use serde::Deserialize;
use serde_json::{Value, json};
use sovereign_plugin::PluginError;
use url::Url;

const API: &str = "https://api.twilio.com";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `AC` and 32 hexadecimal digits.
    pub account_sid: String,
    /// A number of the account, or the sid of a messaging service.
    pub from: String,
    #[serde(default)]
    pub base_url: Option<String>,
    #[serde(default)]
    pub voice: Voice,
}

/// How calls are answered.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voice {
    #[serde(default)]
    pub answer: VoiceAnswer,
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default)]
    pub language: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoiceAnswer {
    /// The caller hears the busy tone, and pays nothing.
    #[default]
    Reject,
    /// The caller hears a text.
    Say,
}

impl Settings {
    /// What the schema cannot say, and what it says: a configuration may be older than the schema.
    pub fn check(&self) -> Result<(), PluginError> {
        if !is_sid(&self.account_sid, "AC") {
            return Err(PluginError::bad_config(
                "account_sid: must be AC and 32 hexadecimal digits, as in the Twilio console",
            ));
        }
        if !is_number(&self.from) && !self.has_messaging_service() {
            return Err(PluginError::bad_config(
                "from: must be a number such as +15551230000, or the sid of a messaging service",
            ));
        }
        let says = self.voice.answer == VoiceAnswer::Say;
        if says && self.voice.text.as_deref().is_none_or(|text| text.trim().is_empty()) {
            return Err(PluginError::bad_config("voice: there is no text to say"));
        }
        self.base().map(|_| ())
    }

    pub fn has_messaging_service(&self) -> bool {
        is_sid(&self.from, "MG")
    }

    /// The address of the account's messages.
    pub fn messages_url(&self) -> Result<String, PluginError> {
        Ok(format!("{}/2010-04-01/Accounts/{}/Messages.json", self.base()?, self.account_sid))
    }

    fn base(&self) -> Result<&str, PluginError> {
        let base = self.base_url.as_deref().unwrap_or(API).trim_end_matches('/');
        match Url::parse(base) {
            Ok(url) if matches!(url.scheme(), "https" | "http") && url.query().is_none() => {
                Ok(base)
            }
            _ => Err(PluginError::bad_config("base_url: must be an address such as https://…")),
        }
    }
}

/// E.164.
pub fn is_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (4..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_sid(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|digits| {
        digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// The settings' JSON Schema.
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "account_sid": {
                "type": "string",
                "pattern": "^AC[0-9a-fA-F]{32}$",
                "title": "Account SID",
                "description": "In the Twilio console, under Account Info.",
            },
            "from": {
                "type": "string",
                "pattern": "^(\\+[0-9]{4,15}|MG[0-9a-fA-F]{32})$",
                "title": "Sender",
                "description": "A number of the account (+15551230000), or the SID of a messaging service.",
            },
            "voice": {
                "type": "object",
                "title": "Calls",
                "properties": {
                    "answer": {
                        "type": "string",
                        "enum": ["reject", "say"],
                        "default": "reject",
                        "title": "How calls are answered",
                        "description": "reject: the caller hears the busy tone. say: a text is read out.",
                    },
                    "text": {"type": "string", "maxLength": 1000, "title": "The text"},
                    "language": {
                        "type": "string",
                        "pattern": "^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
                        "default": "en-US",
                        "title": "The text's language",
                    },
                },
                "additionalProperties": false,
            },
            "base_url": {
                "type": "string",
                "format": "uri",
                "maxLength": 2000,
                "default": API,
                "title": "Address of Twilio's API",
                "description": "Only for accounts in another region.",
            },
        },
        "required": ["account_sid", "from"],
        "additionalProperties": false,
    })
}
