//! Times of feeds.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How far ahead of the clock a time may be: zones are often wrong.
const AHEAD_MILLISECONDS: u64 = 48 * 60 * 60 * 1000;

/// A time that may be true: from 1970 on, and not in the future. RFC 3339 in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(u64);

impl Moment {
    /// None for a time that cannot be true.
    pub fn new(time: DateTime<Utc>, now: u64) -> Option<Self> {
        let milliseconds = u64::try_from(time.timestamp_millis()).ok()?;
        (milliseconds <= now.saturating_add(AHEAD_MILLISECONDS)).then_some(Self(milliseconds))
    }

    /// Since 1970.
    pub fn milliseconds(self) -> u64 {
        self.0
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = i64::try_from(self.0).ok().and_then(DateTime::from_timestamp_millis);
        let text = time.unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true);
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = DateTime::parse_from_rfc3339(&text).map_err(serde::de::Error::custom)?;
        u64::try_from(time.timestamp_millis()).map(Self).map_err(serde::de::Error::custom)
    }
}
