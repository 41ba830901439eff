//! What devices report, as readings of states: pure functions of events.

use chrono::{DateTime, Datelike as _, Utc};
use contracts::access::SpaceId;
use contracts::events::devices::DeviceReported;
use serde_json::{Map, Value, json};
use spine::{Cause, Event};
use uuid::Uuid;

use crate::place::{self, Point, Zone};
use crate::state::{self, ACTIVITY, Key, LOCATION, PRESENCE, Reading};

/// The largest value of a state, as JSON.
const LARGEST: usize = 4_096;
/// The most numbers of one report that are measured.
const MEASURES: usize = 16;

/// A state was reported.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// Whose, and which.
    pub(crate) key: Key,
    /// Where it belongs.
    pub(crate) space: SpaceId,
    /// What reported it.
    pub(crate) source: String,
    /// When it was so.
    pub(crate) at: DateTime<Utc>,
    /// What was seen.
    pub(crate) seen: Seen,
    /// The numbers in it.
    pub(crate) readings: Vec<Reading>,
    /// What it follows from.
    pub(crate) cause: Cause,
}

/// What was seen.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// The value as it is.
    Value(Value),
    /// Coordinates, with how wrong they may be in metres.
    Point(Point, f64),
    /// A place by its name.
    Named(String),
}

impl Report {
    /// The report of an event; `None` where it says nothing that can be a state: no coordinates, a time
    /// that is none, a value beyond all measure.
    pub(crate) fn of(event: &Event, reported: &DeviceReported) -> Option<Self> {
        let facet = facet_of(reported)?;
        // Nobody knows the future: a device's clock that is ahead would silence all others.
        let at = reported.at.min(event.time);
        if at.year() < 2_000 {
            return None;
        }
        let device = format!("device:{}", reported.device);
        let of_person = matches!(facet.as_str(), LOCATION | PRESENCE | ACTIVITY);
        let subject =
            if of_person { format!("person:{}", reported.person) } else { device.clone() };
        let data = &reported.data;
        let seen = match facet.as_str() {
            LOCATION => location(data)?,
            _ => Seen::Value(value(data)?),
        };
        let key = Key { subject, facet };
        let mut readings = readings(&key, data, at, event.id.0);
        readings.iter_mut().for_each(|reading| reading.source.clone_from(&device));
        let space = SpaceId::of_person(reported.person);
        Some(Self { key, space, source: device, at, seen, readings, cause: event.as_cause() })
    }

    /// The value of the state, with the place named by those zones that serve its space.
    pub(crate) fn value(&self, zones: &[Zone], current: Option<Uuid>) -> Value {
        let near: Vec<&Zone> = zones.iter().filter(|zone| zone.serves(&self.space)).collect();
        match &self.seen {
            Seen::Value(value) => value.clone(),
            Seen::Point(point, accuracy) => {
                let zone = place::place_of(*point, *accuracy, &near, current);
                json!({
                    "place": zone.map(|zone| &zone.name),
                    "place_entity": zone.map(|zone| zone.entity),
                    "latitude": point.latitude,
                    "longitude": point.longitude,
                    "accuracy": accuracy,
                    "at": self.at,
                })
            }
            Seen::Named(name) => {
                let same = |zone: &&&Zone| zone.name.to_lowercase() == name.to_lowercase();
                let zone = near.iter().find(same);
                json!({
                    "place": zone.map_or(name, |zone| &zone.name),
                    "place_entity": zone.map(|zone| zone.entity),
                    "latitude": zone.map(|zone| zone.point.latitude),
                    "longitude": zone.map(|zone| zone.point.longitude),
                    "accuracy": null,
                    "at": self.at,
                })
            }
        }
    }
}

/// The facet's name; a sensor has its own where it is named.
fn facet_of(reported: &DeviceReported) -> Option<String> {
    let mut facet = reported.facet.trim().to_ascii_lowercase();
    if facet == "sensor"
        && let Some(name) = reported.data.get("name").and_then(Value::as_str)
    {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '_' };
        let name: String = name.trim().to_ascii_lowercase().chars().take(48).map(plain).collect();
        if !name.is_empty() {
            facet = format!("sensor.{name}");
        }
    }
    state::is_facet(&facet).then_some(facet)
}

fn location(data: &Map<String, Value>) -> Option<Seen> {
    let number = |name: &str| data.get(name).and_then(place::number);
    if let (Some(latitude), Some(longitude)) = (number("latitude"), number("longitude")) {
        let accuracy = number("accuracy").filter(|metres| *metres >= 0.0).unwrap_or(0.0);
        return Some(Seen::Point(Point::new(latitude, longitude)?, accuracy));
    }
    let name: String =
        data.get("place")?.as_str()?.chars().filter(|c| !c.is_control()).take(200).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| Seen::Named(name.to_owned()))
}

/// The data as a value that Postgres keeps.
fn value(data: &Map<String, Value>) -> Option<Value> {
    let text = serde_json::to_string(data).ok()?;
    let storable = text.len() <= LARGEST && !text.contains("\\u0000");
    storable.then(|| Value::Object(data.clone()))
}

/// The numbers of a report; that there was one, where it has none. Of a location only that: where
/// somebody was is nothing to sum up.
fn readings(key: &Key, data: &Map<String, Value>, at: DateTime<Utc>, event: Uuid) -> Vec<Reading> {
    let reading = |measure: &str, value| Reading {
        key: key.clone(),
        measure: measure.to_owned(),
        value,
        at,
        event,
        source: String::new(),
    };
    let named = |name: &str| name.len() <= 64 && !name.chars().any(|c| c.is_control() || c == ' ');
    let mut readings: Vec<Reading> = data
        .iter()
        .filter(|(name, _)| key.facet != LOCATION && named(name) && !state::is_coordinate(name))
        .filter_map(|(name, value)| match value {
            Value::Number(_) => Some(reading(name, Some(place::number(value)?))),
            _ => None,
        })
        .take(MEASURES)
        .collect();
    if readings.is_empty() {
        readings.push(reading("reports", None));
    }
    readings
}

#[cfg(test)]
mod tests {
    use super::*;
    use spine::Snowflake;

    fn facet(name: &str, data: Value) -> Option<String> {
        facet_of(&DeviceReported {
            device: Uuid::nil(),
            person: Snowflake(1),
            report: "1".to_owned(),
            facet: name.to_owned(),
            at: DateTime::UNIX_EPOCH,
            data: data.as_object().cloned().unwrap_or_default(),
        })
    }

    #[test]
    fn sensors_have_a_facet_each() {
        assert_eq!(
            facet("sensor", json!({"name": "Living Room"})).as_deref(),
            Some("sensor.living_room")
        );
        assert_eq!(facet("sensor", json!({})).as_deref(), Some("sensor"));
        assert_eq!(facet("Battery", json!({})).as_deref(), Some("battery"));
        assert_eq!(facet("what ever", json!({})), None);
    }

    #[test]
    fn numbers_are_measured_but_never_a_location() {
        let key = |facet: &str| Key { subject: "device:x".to_owned(), facet: facet.to_owned() };
        let data = json!({"value": 21.5, "unit": "C", "bad name": 1});
        let found =
            readings(&key("sensor"), data.as_object().unwrap(), DateTime::UNIX_EPOCH, Uuid::nil());
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].measure.as_str(), found[0].value), ("value", Some(21.5)));
        let data = json!({"latitude": 48.2, "longitude": 16.3});
        for facet in ["location", "activity"] {
            let data = data.as_object().unwrap();
            let found = readings(&key(facet), data, DateTime::UNIX_EPOCH, Uuid::nil());
            assert_eq!((found[0].measure.as_str(), found[0].value), ("reports", None));
        }
    }

    #[test]
    fn strange_locations_and_values_are_no_states() {
        let of = |data: Value| location(data.as_object().unwrap());
        assert!(of(json!({"latitude": 100.0, "longitude": 0.0})).is_none());
        assert!(of(json!({"latitude": 1.0})).is_none());
        assert!(
            matches!(of(json!({"place": " Work "})), Some(Seen::Named(name)) if name == "Work")
        );
        assert!(value(json!({"a": "\u{0}"}).as_object().unwrap()).is_none());
        assert!(value(json!({"a": "x".repeat(5_000)}).as_object().unwrap()).is_none());
    }
}
