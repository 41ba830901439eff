//! When a rule runs by itself: a cron expression, in UTC or in a zone.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Two runs of one schedule are at least so far apart; the poll comes once a minute.
const CLOSEST: chrono::TimeDelta = chrono::TimeDelta::seconds(60);

/// A cron expression of five fields (`0 7 * * 1-5`), in UTC or, with `zone`, in local time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Schedule {
    /// In UTC.
    Utc(String),
    /// In a zone.
    Local(LocalSchedule),
}

/// A cron expression in the local time of a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalSchedule {
    /// The cron expression.
    #[schemars(length(min = 9, max = 100))]
    pub cron: String,
    /// The zone, by its name in the IANA database: `Europe/Vienna`.
    #[schemars(length(min = 1, max = 64))]
    pub zone: String,
}

impl Schedule {
    /// The first time after `moment`.
    ///
    /// # Errors
    /// The expression or the zone is none, or never comes; in words for people.
    pub fn next_after(&self, moment: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
        let (expression, zone) = match self {
            Self::Utc(cron) => (cron, Tz::UTC),
            Self::Local(local) => {
                let zone = Tz::from_str(&local.zone).map_err(|_| {
                    format!("{:?} is no zone; say one like `Europe/Vienna`", local.zone)
                })?;
                (&local.cron, zone)
            }
        };
        if expression.len() > 100 || expression.split_whitespace().count() != 5 {
            return Err(format!("{expression:?} is no cron expression of five fields"));
        }
        let next = Cron::from_str(expression)
            .and_then(|cron| cron.find_next_occurrence(&moment.with_timezone(&zone), false))
            .map_err(|error| {
                format!("{expression:?} is no cron expression with a next time: {error}")
            })?;
        Ok(next.with_timezone(&Utc).max(moment + CLOSEST))
    }
}
