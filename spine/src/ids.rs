//! Identifiers: UUIDv7 for events and jobs, 64-bit snowflakes where Mastodon's API wants them.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::Clock;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            sqlx::Type, schemars::JsonSchema,
        )]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id: UUIDv7 (RFC 9562, section 5.7), sortable by time.
            #[expect(clippy::new_without_default, reason = "every call gives another id")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_id! {
    /// Names one event of the ledger, for ever.
    EventId
}
uuid_id! {
    /// Names one job of the work system.
    JobId
}

/// A 64-bit id that sorts by time, as Mastodon's API wants it: 48 bits of Unix milliseconds, then
/// 10 bits of process number and 6 bits of sequence. JSON carries it as a decimal string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct Snowflake(pub i64);

impl Snowflake {
    /// The moment this id was made for.
    pub fn time(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0 >> 16).unwrap_or_default()
    }

    /// The smallest id of the given moment: a bound for queries by time.
    pub fn lower_bound(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_millis().max(0) << 16)
    }
}

impl fmt::Display for Snowflake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Snowflake {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Without a minus sign, and not beyond 63 bits.
        text.parse::<u64>()?;
        text.parse().map(Self)
    }
}

impl Serialize for Snowflake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Snowflake {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Snowflake {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Snowflake".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9]{1,19}$" })
    }
}

/// Makes snowflakes, unique over all processes of a node as long as each holds its own number.
pub struct Snowflakes {
    clock: Clock,
    process: u64,
    /// The last moment and sequence handed out: milliseconds << 6 | sequence.
    last: AtomicU64,
}

impl Snowflakes {
    /// A generator for the process with this number; only the lowest 10 bits count.
    pub fn new(clock: Clock, process: u64) -> Self {
        Self { clock, process: process & 0x3ff, last: AtomicU64::new(0) }
    }

    /// The next id: never the same twice, never smaller than the one before, even where the
    /// system's clock steps back.
    pub fn next(&self) -> Snowflake {
        let now = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or(0) << 6;
        let before = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)))
            .unwrap_or_else(|last| last);
        self.compose(now.max(before + 1))
    }

    /// An id for something that happened at `time`: sorts there. Two such ids of one millisecond
    /// can be equal once in 64 times, so the insert must be ready to try again.
    pub fn at(&self, time: DateTime<Utc>) -> Snowflake {
        let milliseconds = u64::try_from(time.timestamp_millis()).unwrap_or(0);
        self.compose(milliseconds << 6 | u64::from(rand::random::<u8>() & 0x3f))
    }

    fn compose(&self, moment: u64) -> Snowflake {
        let number = (moment >> 6) << 16 | self.process << 6 | (moment & 0x3f);
        Snowflake(i64::try_from(number & i64::MAX.unsigned_abs()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_ids_of_one_millisecond_differ_and_rise() {
        let ids = Snowflakes::new(Clock::manual(DateTime::UNIX_EPOCH), 7);
        let made: Vec<_> = (0..1_000).map(|_| ids.next()).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_snowflake_is_a_decimal_string_in_json() {
        let id = Snowflake(110_000_000_000_000_001);
        let text = serde_json::to_string(&id).unwrap();
        assert_eq!(text, "\"110000000000000001\"");
        assert_eq!(serde_json::from_str::<Snowflake>(&text).unwrap(), id);
        assert!("-1".parse::<Snowflake>().is_err());
        assert!("99999999999999999999".parse::<Snowflake>().is_err());
    }
}
