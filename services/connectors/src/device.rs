//! Devices and what they report. No I/O.

use chrono::{DateTime, TimeDelta, Utc};
use contracts::access::{Resource, SpaceId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use spine::Snowflake;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::facets;
use contracts::input;

/// A report of something older is refused: its repeats could not be told any more, and the ledger would
/// not keep it.
pub(crate) const OLDEST_REPORT: TimeDelta = TimeDelta::days(31);
/// A clock may be wrong by so much without anybody minding.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);
/// The longest id of a report.
const LONGEST_REPORT: usize = 200;

/// What kind of device it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A telephone.
    Phone,
    /// A tablet.
    Tablet,
    /// A computer.
    Computer,
    /// A watch or bracelet.
    Watch,
    /// A sensor, or a hub of them.
    Sensor,
    /// A car or another vehicle.
    Vehicle,
    /// Anything else.
    #[default]
    Other,
}

impl DeviceKind {
    const ALL: [Self; 7] = [
        Self::Phone,
        Self::Tablet,
        Self::Computer,
        Self::Watch,
        Self::Sensor,
        Self::Vehicle,
        Self::Other,
    ];

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Tablet => "tablet",
            Self::Computer => "computer",
            Self::Watch => "watch",
            Self::Sensor => "sensor",
            Self::Vehicle => "vehicle",
            Self::Other => "other",
        }
    }

    pub(crate) fn from_stored(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or_default()
    }
}

/// A person's device.
#[derive(Clone, Debug)]
pub struct Device {
    /// Names it for ever.
    pub id: Uuid,
    /// Whose it is.
    pub person: Snowflake,
    /// What people call it.
    pub name: String,
    /// What kind it is.
    pub kind: DeviceKind,
    /// The version of what people set.
    pub version: i64,
    /// Since when it is registered.
    pub created_at: DateTime<Utc>,
    /// When it reported last.
    pub last_seen_at: Option<DateTime<Utc>>,
}

impl Device {
    /// As the policy sees it.
    pub(crate) fn resource(&self) -> Resource {
        Resource::new("device", self.id.to_string(), SpaceId::of_person(self.person))
    }
}

/// What a device saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeviceEvent {
    /// The device's own id for this report: the same is never taken twice. Where it gives none, the report's
    /// content is its id.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub report: Option<String>,
    /// What it is about: `location`, `presence`, `battery`, `activity`, `sensor`, or a name of its own.
    #[schema(pattern = "^[a-z][a-z0-9_.-]{0,63}$")]
    pub facet: String,
    /// When it was so, by the device's clock.
    pub at: DateTime<Utc>,
    /// What it saw.
    pub data: Map<String, Value>,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// It is on disk.
    Accepted,
    /// It was taken before.
    Repeated,
    /// It is not taken, and will not be if it is sent again.
    Refused,
}

/// What became of one report of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemOutcome {
    /// The report's id, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// What became of it.
    pub status: ItemStatus,
    /// Why it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A report that can be taken: all of it checked, its time put right.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    pub(crate) id: String,
    pub(crate) facet: String,
    pub(crate) at: DateTime<Utc>,
    pub(crate) data: Map<String, Value>,
}

/// How far the device's clock is off, as far as it says when it sent: plainly wrong clocks are put right,
/// others are left as they are.
pub(crate) fn clock_error(sent_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> TimeDelta {
    match sent_at.map(|sent_at| now - sent_at) {
        Some(error) if error.abs() > TOLERANCE => error,
        _ => TimeDelta::zero(),
    }
}

/// Reads one report; in words why not.
pub(crate) fn read(
    item: &Value,
    clock_error: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Report, (Option<String>, String)> {
    let name = item.get("report").and_then(Value::as_str).map(|id| input::kept(id, LONGEST_REPORT));
    let refuse = |reason: String| (name.clone(), reason);
    if input::has_nul(item) {
        return Err(refuse("it has the character NUL in it".to_owned()));
    }
    let event: DeviceEvent =
        serde_json::from_value(item.clone()).map_err(|error| refuse(error.to_string()))?;
    facets::check(&event.facet, &event.data).map_err(&refuse)?;
    let id = match event.report {
        Some(id) if (1..=LONGEST_REPORT).contains(&id.chars().count()) => id,
        Some(_) => return Err(refuse("`report` must have 1 to 200 characters".to_owned())),
        None => content_id(&event.facet, event.at, &event.data),
    };
    let at = event
        .at
        .checked_add_signed(clock_error)
        .ok_or_else(|| refuse("`at` is no time that a device could mean".to_owned()))?;
    if at < now - OLDEST_REPORT {
        return Err((Some(id), "`at` is more than 31 days ago".to_owned()));
    }
    // A clock that is ahead: it is so now at the latest.
    let at = if at > now + TOLERANCE { now } else { at };
    Ok(Report { id, facet: event.facet, at, data: event.data })
}

/// The id of a report without one.
fn content_id(facet: &str, at: DateTime<Utc>, data: &Map<String, Value>) -> String {
    let mut hash = Sha256::new();
    hash.update(facet.as_bytes());
    hash.update([0]);
    hash.update(at.timestamp_micros().to_be_bytes());
    hash.update(Value::Object(data.clone()).to_string().as_bytes());
    let digest = hash.finalize();
    let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("content:{hex}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn item(at: DateTime<Utc>) -> Value {
        json!({ "report": "r1", "facet": "battery", "at": at, "data": { "level": 50 } })
    }

    #[test]
    fn late_reports_keep_their_time_and_those_from_the_future_get_ours() {
        let at = |time| read(&item(time), TimeDelta::zero(), now()).map(|report| report.at);
        assert_eq!(at(now() - TimeDelta::days(30)), Ok(now() - TimeDelta::days(30)));
        assert!(at(now() - TimeDelta::days(32)).is_err());
        assert_eq!(at(now() + TimeDelta::minutes(4)), Ok(now() + TimeDelta::minutes(4)));
        assert_eq!(at(now() + TimeDelta::hours(4)), Ok(now()));
    }

    #[test]
    fn a_clock_that_is_plainly_wrong_is_put_right_by_when_the_batch_was_sent() {
        let wrong = TimeDelta::days(-400);
        let error = clock_error(Some(now() + wrong), now());
        assert_eq!(error, -wrong);
        let report = read(&item(now() + wrong - TimeDelta::hours(2)), error, now()).unwrap();
        assert_eq!(report.at, now() - TimeDelta::hours(2));
        assert_eq!(clock_error(Some(now() - TimeDelta::minutes(2)), now()), TimeDelta::zero());
        assert_eq!(clock_error(None, now()), TimeDelta::zero());
    }

    #[test]
    fn a_report_without_an_id_is_known_by_its_content() {
        let mut nameless = item(now());
        nameless["report"] = Value::Null;
        let id = |item: &Value| read(item, TimeDelta::zero(), now()).unwrap().id;
        let first = id(&nameless);
        assert!(first.starts_with("content:"));
        assert_eq!(first, id(&nameless));
        nameless["data"]["level"] = json!(51);
        assert_ne!(first, id(&nameless));
    }

    #[test]
    fn what_no_device_could_mean_is_refused_by_name() {
        let refused = |item: Value| read(&item, TimeDelta::zero(), now()).unwrap_err();
        assert_eq!(refused(json!({ "report": "r2", "facet": "battery" })).0.as_deref(), Some("r2"));
        assert_eq!(refused(json!(7)).0, None);
        assert!(
            refused(
                json!({ "report": "", "facet": "battery", "at": now(), "data": { "level": 5 } })
            )
            .1
            .contains("`report`")
        );
        assert!(
            refused(json!({ "report": "a\u{0}", "facet": "x", "at": now(), "data": {} }))
                .1
                .contains("NUL")
        );
        let absurd = json!({ "facet": "x", "at": "+262142-12-31T23:59:59Z", "data": {} });
        assert!(read(&absurd, TimeDelta::days(900_000), now()).is_err());
    }
}
