//! A page of a delta query.

use chrono::DateTime;
use serde::Deserialize;
use serde_json::value::RawValue;
use sovereign_plugin::connector::{Operation, RawRecord};
use sovereign_plugin::{PluginError, Response};

use crate::resource::Resource;

/// The records of a page, and where to go on.
#[derive(Debug)]
pub struct Page {
    pub records: Vec<RawRecord>,
    pub next: Next,
}

/// Where to go on.
#[derive(Debug)]
pub enum Next {
    /// With the next page.
    Page(String),
    /// Next time, with what changed until then.
    Delta(String),
}

#[derive(Debug, Deserialize)]
struct Answer {
    value: Vec<Box<RawValue>>,
    #[serde(rename = "@odata.nextLink")]
    next_link: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta_link: Option<String>,
}

/// What is looked at in an item; the rest goes as it is.
#[derive(Debug, Deserialize)]
struct Item {
    id: String,
    #[serde(rename = "@removed")]
    removed: Option<serde::de::IgnoredAny>,
    #[serde(rename = "changeKey")]
    change_key: Option<String>,
    #[serde(rename = "@odata.etag")]
    etag: Option<String>,
    #[serde(rename = "lastModifiedDateTime")]
    last_modified: Option<String>,
}

impl Page {
    /// Reads an answer.
    pub fn of(resource: Resource, response: &Response) -> Result<Self, PluginError> {
        let answer: Answer = response.json()?;
        let next = match (answer.next_link, answer.delta_link) {
            (Some(link), _) => Next::Page(link),
            (None, Some(link)) => Next::Delta(link),
            (None, None) => {
                return Err(PluginError::failed(
                    "the page has neither a next link nor a delta link",
                ));
            }
        };
        let records = answer.value.iter().map(|item| record(resource, item));
        Ok(Self { records: records.collect::<Result<_, _>>()?, next })
    }
}

fn record(resource: Resource, raw: &RawValue) -> Result<RawRecord, PluginError> {
    let item: Item = serde_json::from_str(raw.get())
        .map_err(|error| PluginError::failed(format!("an item of {resource}: {error}")))?;
    if item.removed.is_some() {
        return Ok(RawRecord::deleted(resource.kind(), item.id));
    }
    let time = item.last_modified.and_then(|time| DateTime::parse_from_rfc3339(&time).ok());
    Ok(RawRecord {
        kind: resource.kind().to_owned(),
        external_id: item.id,
        revision: item.change_key.or(item.etag),
        operation: Operation::Upsert,
        source_time: time.and_then(|time| u64::try_from(time.timestamp_millis()).ok()),
        media_type: "application/json".to_owned(),
        payload: raw.get().as_bytes().to_vec(),
    })
}
