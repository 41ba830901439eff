//! What may be reported of each facet. No I/O.

use serde_json::{Map, Value};

/// The largest data of a report, as JSON.
const LARGEST_DATA: usize = 16 << 10;
/// The longest text in a known facet.
const LONGEST_TEXT: usize = 200;

/// Whether this may be reported of the facet; in words why not. Members that are not known are kept.
pub(crate) fn check(facet: &str, data: &Map<String, Value>) -> Result<(), String> {
    let first = facet.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
    if !first || facet.len() > 64 || !facet.bytes().all(plain) {
        return Err("`facet` must be a small letter, then up to 63 of `a-z0-9_.-`".to_owned());
    }
    if serde_json::to_string(data).map_or(usize::MAX, |text| text.len()) > LARGEST_DATA {
        return Err("`data` must be at most 16 KiB".to_owned());
    }
    let read = Data(data);
    match facet {
        "location" => location(&read),
        "presence" => read.text("state", true),
        "battery" => read.number("level", true, 0.0..=100.0),
        "activity" => read.text("activity", true),
        "sensor" => sensor(&read),
        _ => Ok(()),
    }
}

/// Whether a text fits into a known facet.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=LONGEST_TEXT).contains(&text.chars().count())
}

fn location(data: &Data<'_>) -> Result<(), String> {
    data.text("place", false)?;
    data.number("accuracy", false, 0.0..=f64::MAX)?;
    let by_place = data.0.contains_key("place");
    let by_coordinates = data.0.contains_key("latitude") || data.0.contains_key("longitude");
    if by_coordinates {
        data.number("latitude", true, -90.0..=90.0)?;
        data.number("longitude", true, -180.0..=180.0)?;
    }
    if by_place || by_coordinates {
        Ok(())
    } else {
        Err("a location has `latitude` and `longitude`, or a `place`".to_owned())
    }
}

fn sensor(data: &Data<'_>) -> Result<(), String> {
    data.text("name", true)?;
    data.text("unit", false)?;
    match data.0.get("value") {
        Some(Value::Number(_) | Value::Bool(_) | Value::String(_)) => Ok(()),
        _ => Err("a sensor's `value` is a number, a text, true or false".to_owned()),
    }
}

struct Data<'a>(&'a Map<String, Value>);

impl Data<'_> {
    fn number(
        &self,
        name: &str,
        required: bool,
        range: std::ops::RangeInclusive<f64>,
    ) -> Result<(), String> {
        match self.0.get(name) {
            None if !required => Ok(()),
            Some(value) if value.as_f64().is_some_and(|number| range.contains(&number)) => Ok(()),
            _ => {
                Err(format!("`{name}` must be a number from {} to {}", range.start(), range.end()))
            }
        }
    }

    fn text(&self, name: &str, required: bool) -> Result<(), String> {
        match self.0.get(name) {
            None if !required => Ok(()),
            Some(Value::String(text)) if is_name(text) => Ok(()),
            _ => Err(format!("`{name}` must be a text of 1 to {LONGEST_TEXT} characters")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn accepts(facet: &str, data: Value) -> bool {
        let Value::Object(data) = data else { panic!("an object") };
        check(facet, &data).is_ok()
    }

    #[test]
    fn a_location_is_a_point_or_a_place() {
        assert!(accepts(
            "location",
            json!({ "latitude": 48.2, "longitude": 16.4, "accuracy": 12 })
        ));
        assert!(accepts("location", json!({ "place": "Work" })));
        assert!(accepts("location", json!({ "place": "Work", "latitude": 1, "longitude": 2 })));
        assert!(!accepts("location", json!({})));
        assert!(!accepts("location", json!({ "latitude": 48.2 })));
        assert!(!accepts("location", json!({ "latitude": 91, "longitude": 0 })));
        assert!(!accepts("location", json!({ "latitude": "48", "longitude": 0 })));
        assert!(!accepts("location", json!({ "place": "" })));
        assert!(!accepts("location", json!({ "place": "Work", "accuracy": -1 })));
    }

    #[test]
    fn known_facets_have_their_members_and_others_have_what_they_like() {
        assert!(accepts("battery", json!({ "level": 80, "charging": true })));
        assert!(!accepts("battery", json!({ "level": 101 })));
        assert!(accepts("presence", json!({ "state": "home" })));
        assert!(!accepts("presence", json!({ "state": true })));
        assert!(accepts("activity", json!({ "activity": "walking" })));
        assert!(accepts("sensor", json!({ "name": "kitchen", "value": 21.5, "unit": "°C" })));
        assert!(!accepts("sensor", json!({ "name": "kitchen", "value": [1] })));
        assert!(accepts("doorbell", json!({ "pressed": [1, 2] })));
        assert!(!accepts("doorbell", json!({ "picture": "x".repeat(17_000) })));
        assert!(
            !accepts("Doorbell", json!({}))
                && !accepts("", json!({}))
                && !accepts("a b", json!({}))
        );
    }
}
