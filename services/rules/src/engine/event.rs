//! An event as rules see it.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// An event as rules see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventDocument {
    /// Its id.
    #[serde(default)]
    #[schema(max_length = 100)]
    #[schemars(length(max = 100))]
    pub id: String,
    /// Its type.
    #[schema(min_length = 2, max_length = 100, pattern = "^[A-Za-z][A-Za-z0-9_.]*$")]
    #[schemars(length(min = 2, max = 100))]
    pub r#type: String,
    /// The service that published it.
    #[serde(default)]
    #[schema(max_length = 100)]
    #[schemars(length(max = 100))]
    pub source: String,
    /// What it is about.
    #[serde(default)]
    #[schema(max_length = 1000)]
    #[schemars(length(max = 1_000))]
    pub subject: String,
    /// When it happened; now, where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<DateTime<Utc>>,
    /// Its payload.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub data: Json,
}

impl EventDocument {
    /// Of an event that was recorded. One whose payload was erased, or is no JSON, is none.
    pub fn of(event: &spine::Event) -> Option<Self> {
        let data = serde_json::from_str(event.data.as_ref()?.get()).ok()?;
        Some(Self {
            id: event.id.to_string(),
            r#type: event.kind.to_string(),
            source: event.source.to_string(),
            subject: event.subject.to_string(),
            time: Some(event.time),
            data,
        })
    }

    /// For tests and benches: an event of this type with this payload.
    pub fn sample(kind: &str, data: Json) -> Self {
        Self {
            id: "00000000-0000-7000-8000-000000000001".to_owned(),
            r#type: kind.to_owned(),
            source: "test".to_owned(),
            subject: "test".to_owned(),
            time: None,
            data,
        }
    }
}
