//! States, readings and how long they hold: types and decisions without I/O.

use chrono::{DateTime, TimeDelta, Utc};
use contracts::access::{SPECIAL_CATEGORIES, SpaceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spine::Snowflake;
use uuid::Uuid;

/// Whose state, and which.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// `person:<account>`, `device:<uuid>`, `channel:<uuid>`.
    pub subject: String,
    /// `location`, `presence`, `call`, `battery`, `activity`, `sensor.<name>`…
    pub facet: String,
}

/// A state, as it was last reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Whose.
    pub subject: String,
    /// Which.
    pub facet: String,
    /// Where it belongs.
    pub space: SpaceId,
    /// Its labels: a location is of a special category.
    pub labels: Vec<String>,
    /// What it is.
    pub value: Value,
    /// When it was so.
    pub at: DateTime<Utc>,
    /// Since when it has been so.
    pub since: DateTime<Utc>,
    /// It is unknown from then on, unless somebody reports again.
    pub expires_at: DateTime<Utc>,
    /// What reported it, as the subject of its events.
    pub source: String,
}

impl State {
    /// Its key.
    pub fn key(&self) -> Key {
        Key { subject: self.subject.clone(), facet: self.facet.clone() }
    }

    /// Whether it still holds. What is said to be so in times to come was reported while the clock was wrong.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        self.expires_at > now && self.at <= latest(now)
    }
}

/// How far the clocks of a node's processes may differ.
const CLOCKS: TimeDelta = TimeDelta::minutes(5);

/// What is later than this cannot have been so: the clock was ahead when it was reported, and nothing that
/// is reported since may be refused for it.
pub(crate) fn latest(now: DateTime<Utc>) -> DateTime<Utc> {
    now + CLOCKS
}

/// A number that was reported, or that something was.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    /// Whose, and of which facet.
    pub(crate) key: Key,
    /// What was measured.
    pub(crate) measure: String,
    /// The number, where it is one.
    pub(crate) value: Option<f64>,
    /// When.
    pub(crate) at: DateTime<Utc>,
    /// The event that reported it: the same is counted once.
    pub(crate) event: Uuid,
    /// What reported it, as the subject of its events.
    pub(crate) source: String,
}

/// What readings of a measure amount to over a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Measure {
    /// What was measured: a property of the report, or `reports` where it has no numbers.
    pub measure: String,
    /// How many readings.
    pub count: u64,
    /// The smallest; absent where they are no numbers.
    pub min: Option<f64>,
    /// The greatest.
    pub max: Option<f64>,
    /// The mean.
    pub mean: Option<f64>,
    /// The last one.
    pub last: Option<f64>,
    /// When that was.
    pub last_at: DateTime<Utc>,
}

/// How far back a window reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Five minutes.
    FiveMinutes,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl Span {
    /// The span of this name: `5m`, `1h`, `24h`.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::FiveMinutes, Self::Hour, Self::Day].into_iter().find(|span| span.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::FiveMinutes => "5m",
            Self::Hour => "1h",
            Self::Day => "24h",
        }
    }

    /// How long it is.
    pub fn length(self) -> TimeDelta {
        match self {
            Self::FiveMinutes => TimeDelta::minutes(5),
            Self::Hour => TimeDelta::hours(1),
            Self::Day => TimeDelta::hours(24),
        }
    }
}

/// How long readings are kept: the longest window, and a little.
pub(crate) const READINGS: TimeDelta = TimeDelta::hours(25);

/// How long states hold without another report.
#[derive(Clone, Copy, Debug)]
pub struct Expiry {
    /// Locations.
    pub location: TimeDelta,
    /// Presence.
    pub presence: TimeDelta,
    /// Calls of which no end was told.
    pub call: TimeDelta,
    /// Activities.
    pub activity: TimeDelta,
    /// Everything else.
    pub other: TimeDelta,
}

impl Default for Expiry {
    /// A day for locations, a quarter of an hour for presence, four hours for calls, one for activities, a
    /// day for everything else.
    fn default() -> Self {
        Self {
            location: TimeDelta::hours(24),
            presence: TimeDelta::minutes(15),
            call: TimeDelta::hours(4),
            activity: TimeDelta::hours(1),
            other: TimeDelta::hours(24),
        }
    }
}

impl Expiry {
    /// How long this facet holds.
    pub fn of(&self, facet: &str) -> TimeDelta {
        match facet {
            LOCATION => self.location,
            PRESENCE => self.presence,
            CALL => self.call,
            ACTIVITY => self.activity,
            _ => self.other,
        }
    }
}

/// Where somebody is.
pub(crate) const LOCATION: &str = "location";
/// Whether they are there.
pub(crate) const PRESENCE: &str = "presence";
/// A call that is under way.
pub(crate) const CALL: &str = "call";
/// What somebody does.
pub(crate) const ACTIVITY: &str = "activity";

/// The labels of a facet: those of special categories need a consent of their own.
pub(crate) fn labels_of(facet: &str) -> Vec<String> {
    let of_facet = |label: &&&str| facet.split('.').any(|part| part == **label);
    SPECIAL_CATEGORIES.iter().filter(of_facet).map(|label| (*label).to_owned()).collect()
}

/// The labels of a state: those of its facet, and what its value tells besides. Whatever it is called, a value
/// with coordinates tells where somebody is.
pub(crate) fn labels_with(facet: &str, value: &Value) -> Vec<String> {
    let mut labels = labels_of(facet);
    if !labels.iter().any(|label| label == LOCATION) && tells_a_place(value) {
        labels.push(LOCATION.to_owned());
    }
    labels
}

/// Whether a number of this name is a coordinate.
pub(crate) fn is_coordinate(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(&*name, "latitude" | "longitude" | "lat" | "lon" | "lng" | "long" | "altitude")
}

fn tells_a_place(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            members.keys().filter(|name| is_coordinate(name)).count() > 1
                || members.values().any(tells_a_place)
        }
        Value::Array(items) => items.iter().any(tells_a_place),
        _ => false,
    }
}

/// What of a value may be told by what something else reports.
pub(crate) fn outline(facet: &str, value: &Value) -> Value {
    let told: &[&str] = match facet {
        LOCATION => &["place", "place_entity"],
        PRESENCE => &["state", "presence"],
        CALL => &["call"],
        _ => &[],
    };
    let known = told.iter().filter_map(|name| Some(((*name).to_owned(), value.get(name)?.clone())));
    Value::Object(known.collect())
}

/// What of a value matters: while it stays the same, nothing is announced, and it counts as the same state.
/// `None`: nothing worth an announcement.
pub(crate) fn essence(facet: &str, value: &Value) -> Option<Value> {
    match facet {
        LOCATION => match &value["place_entity"] {
            Value::Null => Some(&value["place"]).filter(|place| !place.is_null()).cloned(),
            place => Some(place.clone()),
        },
        PRESENCE => Some(match (&value["state"], &value["presence"]) {
            (Value::Null, Value::Null) => value.clone(),
            (Value::Null, presence) => presence.clone(),
            (state, _) => state.clone(),
        }),
        CALL => Some(value["call"].clone()).filter(|call| !call.is_null()),
        _ => Some(value.clone()),
    }
}

/// Whether changes of this facet are announced.
pub(crate) fn matters(facet: &str) -> bool {
    matches!(facet, LOCATION | PRESENCE | CALL)
}

/// Whether a text names somebody or something that can have a state.
pub(crate) fn is_subject(text: &str) -> bool {
    match text.split_once(':') {
        Some(("person", id)) => {
            id.parse::<Snowflake>().is_ok_and(|parsed| parsed.to_string() == id)
        }
        Some(("device" | "channel", id)) => {
            Uuid::parse_str(id).is_ok_and(|parsed| parsed.to_string() == id)
        }
        _ => false,
    }
}

/// Whether a text can be the name of a facet.
pub(crate) fn is_facet(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_matters_of_a_value_tells_states_apart() {
        let at = |place: Value, latitude: f64| json!({"place": place, "place_entity": null, "latitude": latitude});
        assert_eq!(
            essence(LOCATION, &at("Work".into(), 1.0)),
            essence(LOCATION, &at("Work".into(), 2.0))
        );
        assert_eq!(essence(LOCATION, &at(Value::Null, 1.0)), None);
        assert_eq!(essence(PRESENCE, &json!({"state": "home", "battery": 3})), Some("home".into()));
    }

    #[test]
    fn what_tells_a_place_or_is_of_a_special_category_is_labelled_so() {
        let labels = |facet: &str, value: Value| labels_with(facet, &value);
        assert_eq!(labels("location", json!({})), ["location"]);
        assert_eq!(labels("health", json!({})), ["health"]);
        assert_eq!(labels("sensor.finance", json!({"value": 3})), ["finance"]);
        assert_eq!(labels("activity", json!({"at": [{"Lat": 48.2, "lng": 16.3}]})), ["location"]);
        assert_eq!(labels("sensor.pool", json!({"altitude": 3})), Vec::<String>::new());
    }

    #[test]
    fn a_state_of_times_to_come_does_not_hold() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let state = |at: DateTime<Utc>| State {
            subject: "person:1".to_owned(),
            facet: PRESENCE.to_owned(),
            space: SpaceId::household(),
            labels: Vec::new(),
            value: Value::Null,
            at,
            since: at,
            expires_at: at + TimeDelta::hours(1),
            source: String::new(),
        };
        assert!(state(now).holds(now) && state(now + TimeDelta::seconds(30)).holds(now));
        assert!(!state(now + TimeDelta::days(30)).holds(now));
        assert!(!state(now - TimeDelta::hours(1)).holds(now));
    }

    #[test]
    fn subjects_and_facets_have_one_form() {
        for subject in ["person:12", "device:018f4e5e-0000-7000-8000-000000000001"] {
            assert!(is_subject(subject), "{subject}");
        }
        for nonsense in ["", "person:", "person:01", "planet:1", "device:x", "person:1\u{0}"] {
            assert!(!is_subject(nonsense), "{nonsense}");
        }
        assert!(
            is_facet("sensor.temp_1") && !is_facet("Sensor") && !is_facet("") && !is_facet("a b")
        );
    }

    #[test]
    fn no_window_is_longer_than_readings_are_kept() {
        for name in ["5m", "1h", "24h"] {
            assert!(Span::parse(name).unwrap().length() < READINGS);
        }
        assert_eq!(Span::parse("1y"), None);
    }
}
