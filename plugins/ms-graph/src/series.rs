//! Occurrences of series.
//!
//! A delta query of the calendar gives each occurrence of a series as a stub: its id, when it is, and the id
//! of the series' master, without as much as a title
//! (<https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/5602>). What is missing is the
//! master's. An occurrence that differs from its series comes whole, as an exception.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use sovereign_plugin::connector::{Operation, RawRecord};
use sovereign_plugin::{Host, HttpError, PluginError};
use url::Url;

use crate::item_request;

/// The most masters that are fetched for a page: the manifest's `requests_per_call` leaves some for the page,
/// redirects and a token that is renewed.
const MOST_MASTERS: usize = 40;
/// What is the master's alone.
const OF_THE_MASTER: [&str; 11] = [
    "id",
    "type",
    "uid",
    "iCalUId",
    "changeKey",
    "recurrence",
    "originalStart",
    "cancelledOccurrences",
    "@odata.context",
    "@odata.etag",
    "@odata.type",
];

/// What tells a stub, and a master.
#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default, rename = "seriesMasterId")]
    master: Option<String>,
    #[serde(default)]
    subject: Option<IgnoredAny>,
}

/// Fills stubs with what their series' masters say; masters that are not in the page are fetched.
pub fn complete<H: Host>(
    host: &H,
    base: &Url,
    records: &mut [RawRecord],
) -> Result<(), PluginError> {
    let mut masters: BTreeMap<String, Option<Map<String, Value>>> = BTreeMap::new();
    let mut stubs = Vec::new();
    for (place, record) in records.iter().enumerate() {
        if record.operation == Operation::Delete {
            continue;
        }
        let Ok(item) = serde_json::from_slice::<Item>(&record.payload) else { continue };
        match (item.r#type.as_deref(), item.master) {
            (Some("seriesMaster"), _) => {
                masters.insert(record.external_id.clone(), object(&record.payload));
            }
            (_, Some(master)) if item.subject.is_none() => stubs.push((place, master)),
            _ => {}
        }
    }
    let mut fetched = 0;
    for (place, id) in stubs {
        if !masters.contains_key(&id) {
            if fetched == MOST_MASTERS {
                host.warn("a page has more series than can be asked for: some stay without titles");
                continue;
            }
            fetched += 1;
            masters.insert(id.clone(), fetch(host, base, &id)?);
        }
        if let (Some(Some(master)), Some(record)) = (masters.get(&id), records.get_mut(place)) {
            fill(record, master)?;
        }
    }
    Ok(())
}

/// A master; none where there is none any more, or none that can be had.
fn fetch<H: Host>(
    host: &H,
    base: &Url,
    id: &str,
) -> Result<Option<Map<String, Value>>, PluginError> {
    let mut url = base.clone();
    let Ok(mut path) = url.path_segments_mut() else { return Ok(None) };
    path.pop_if_empty().extend(["me", "events", id]);
    drop(path);
    match item_request(&url).send(host) {
        Ok(response) if matches!(response.status, 404 | 410) => Ok(None),
        Ok(response) => Ok(object(&response.success(host)?.body)),
        Err(HttpError::TooLarge(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn object(json: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(json).ok()
}

fn fill(record: &mut RawRecord, master: &Map<String, Value>) -> Result<(), PluginError> {
    let Some(stub) = object(&record.payload) else { return Ok(()) };
    let mut whole = master.clone();
    whole.retain(|name, _| !OF_THE_MASTER.contains(&name.as_str()));
    whole.extend(stub);
    record.payload = serde_json::to_vec(&whole)
        .map_err(|error| PluginError::failed(format!("an occurrence: {error}")))?;
    Ok(())
}
