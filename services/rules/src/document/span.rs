//! Lengths of time as people write them: `90s`, `1h30m`, `2d`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The longest: a leap year.
const LONGEST: u64 = 366 * 86_400;
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// A length of time: whole seconds, at least one, at most a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(u64);

/// Text that is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no length of time; write it like `90s`, `10m`, `1h30m` or `2d`, up to 366d")]
pub struct UnreadableSpan(String);

impl Span {
    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }

    /// As chrono counts.
    pub fn delta(self) -> chrono::TimeDelta {
        chrono::TimeDelta::seconds(self.0 as i64)
    }
}

impl FromStr for Span {
    type Err = UnreadableSpan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unreadable = || UnreadableSpan(text.chars().take(40).collect());
        if text.len() > 40 {
            return Err(unreadable());
        }
        let (mut total, mut rest) = (0_u64, text);
        // Each unit once, from the largest to the smallest.
        for (unit, seconds) in UNITS {
            let Some((number, after)) = rest.split_once(unit) else { continue };
            let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            if !plain || number.len() > 9 {
                return Err(unreadable());
            }
            total += number.parse::<u64>().map_err(|_| unreadable())? * seconds;
            rest = after;
        }
        if rest.is_empty() && (1..=LONGEST).contains(&total) {
            Ok(Self(total))
        } else {
            Err(unreadable())
        }
    }
}

impl TryFrom<String> for Span {
    type Error = UnreadableSpan;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        for (unit, seconds) in UNITS {
            if rest >= seconds {
                write!(f, "{}{unit}", rest / seconds)?;
                rest %= seconds;
            }
        }
        Ok(())
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

const PATTERN: &str = "^([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?$";

impl schemars::JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "pattern": PATTERN, "minLength": 2, "maxLength": 40,
            "description": "A length of time: `90s`, `10m`, `1h30m`, `2d`; up to a year."
        })
    }
}
