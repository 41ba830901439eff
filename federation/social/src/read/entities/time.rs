//! Times as clients want them.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Serialize, Serializer};

/// A moment, written as `2026-11-22T11:05:37.000Z`: some clients insist on the three digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub DateTime<Utc>);

impl Timestamp {
    /// Midnight of the moment's day: how account ages are shown.
    pub fn midnight(time: DateTime<Utc>) -> Self {
        Self(time.date_naive().and_time(chrono::NaiveTime::MIN).and_utc())
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.format("%Y-%m-%dT%H:%M:%S.000Z"))
    }
}

/// A day, written as `2026-11-22`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub NaiveDate);

impl From<DateTime<Utc>> for Day {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.date_naive())
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.format("%Y-%m-%d"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_z() {
        let time = DateTime::from_timestamp_millis(1_795_345_537_123).unwrap();
        assert_eq!(
            serde_json::to_string(&Timestamp(time)).unwrap(),
            "\"2026-11-22T11:05:37.000Z\""
        );
        assert_eq!(
            serde_json::to_string(&Timestamp::midnight(time)).unwrap(),
            "\"2026-11-22T00:00:00.000Z\""
        );
        assert_eq!(serde_json::to_string(&Day::from(time)).unwrap(), "\"2026-11-22\"");
    }
}
