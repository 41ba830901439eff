//! Messages of OwnTracks (<https://owntracks.org/booklet/tech/json/>), as its apps post them. No I/O.

use chrono::DateTime;
use serde_json::{Map, Value, json};

use crate::facets;

/// Whether its content is under a key that the app shares with others: nothing of it can be read here.
pub(crate) fn is_encrypted(message: &Map<String, Value>) -> bool {
    message.get("_type").and_then(Value::as_str) == Some("encrypted")
}

/// A message as a report of ours: a `location` is one, and how full the battery is; whatever else the app
/// says is kept under `owntracks.<type>`. None: it is no such message.
pub(crate) fn reports(message: &Map<String, Value>) -> Option<Vec<Value>> {
    let kind = message.get("_type")?.as_str()?;
    let time =
        message.get("tst").and_then(Value::as_i64).and_then(|s| DateTime::from_timestamp(s, 0));
    let Some(at) = time else {
        // Without a time (a dump of settings, a card) it says nothing of a moment.
        return Some(Vec::new());
    };
    if kind != "location" {
        let facet = format!("owntracks.{}", kind.to_ascii_lowercase());
        return Some(vec![json!({ "facet": facet, "at": at, "data": message })]);
    }
    let mut location = Map::new();
    let names = [
        ("lat", "latitude"),
        ("lon", "longitude"),
        ("acc", "accuracy"),
        ("alt", "altitude"),
        ("vel", "velocity"),
        ("cog", "course"),
        ("tid", "tracker"),
    ];
    for (theirs, ours) in names {
        if let Some(value) = message.get(theirs) {
            location.insert(ours.to_owned(), value.clone());
        }
    }
    // The regions that the device is in, by the names its owner gave them.
    // A name that is none does not cost the point.
    let regions = message.get("inregions").and_then(Value::as_array).into_iter().flatten();
    if let Some(place) = regions.filter_map(Value::as_str).find(|name| facets::is_name(name)) {
        location.insert("place".to_owned(), place.into());
    }
    let mut reports = vec![json!({ "facet": "location", "at": at, "data": location })];
    if let Some(level) = message.get("batt") {
        reports.push(json!({ "facet": "battery", "at": at, "data": { "level": level } }));
    }
    Some(reports)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: Value) -> Option<Vec<Value>> {
        let Value::Object(message) = message else { panic!("an object") };
        reports(&message)
    }

    #[test]
    fn a_location_message_is_a_location_and_a_battery() {
        let message = json!({ "_type": "location", "lat": 48.2, "lon": 16.4, "tst": 1_800_000_000, "acc": 10, "tid": "an", "batt": 77, "inregions": ["Work"] });
        let reports = read(message).unwrap();
        assert_eq!(reports[0]["facet"], "location");
        assert_eq!(reports[0]["at"], "2027-01-15T08:00:00Z");
        assert_eq!(
            reports[0]["data"],
            json!({ "latitude": 48.2, "longitude": 16.4, "accuracy": 10, "tracker": "an", "place": "Work" })
        );
        assert_eq!(reports[1]["data"]["level"], 77);
    }

    #[test]
    fn a_region_without_a_usable_name_does_not_cost_the_location() {
        let regions = json!(["x".repeat(300), 7, "", "Work"]);
        let message = json!({ "_type": "location", "lat": 48.2, "lon": 16.4, "tst": 1_800_000_000, "inregions": regions });
        assert_eq!(read(message).unwrap()[0]["data"]["place"], "Work");
    }

    #[test]
    fn other_messages_are_kept_and_strangers_are_told_apart() {
        let transition =
            read(json!({ "_type": "transition", "event": "enter", "tst": 1_800_000_000 }));
        assert_eq!(transition.unwrap()[0]["facet"], "owntracks.transition");
        assert_eq!(read(json!({ "_type": "card", "name": "Ana" })), Some(Vec::new()));
        assert_eq!(read(json!({ "events": [] })), None);
    }
}
