//! What a person sets.

use chrono::{DateTime, NaiveDate, TimeDelta};
use serde::Deserialize;
use serde_json::{Value, json};
use sovereign_plugin::PluginError;
use url::Url;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    url: String,
    #[serde(default)]
    days_back: Option<u32>,
}

impl Settings {
    /// The calendar's address; `webcal` is how people get it.
    pub fn checked_url(&self) -> Result<Url, PluginError> {
        let text = self.url.trim();
        let text = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("webcal") => {
                format!("https://{rest}")
            }
            _ => text.to_owned(),
        };
        let url =
            Url::parse(&text).map_err(|error| PluginError::bad_config(format!("url: {error}")))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(PluginError::bad_config("url: must begin with https:// or webcal://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PluginError::bad_config("url: must not hold a password"));
        }
        Ok(url)
    }

    /// Events that ended before this day are not taken.
    pub fn oldest(&self, now: u64) -> Option<NaiveDate> {
        let days = self.days_back?;
        let today = DateTime::from_timestamp_millis(i64::try_from(now).ok()?)?.date_naive();
        // One more: the day may have begun elsewhere.
        today.checked_sub_signed(TimeDelta::try_days(i64::from(days) + 1)?)
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
                "pattern": "^(https?|webcal)://",
                "maxLength": 2000,
                "title": "Address of the calendar",
                "description": "An iCalendar file, such as https://example.org/calendar.ics",
            },
            "days_back": {
                "type": "integer",
                "minimum": 0,
                "maximum": 36500,
                "title": "Days back",
                "description": "How old events may be that are new here; empty: any age.",
            },
        },
        "required": ["url"],
        "additionalProperties": false,
    })
}
