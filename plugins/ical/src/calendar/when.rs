//! Times of calendars.

use calcard::common::PartialDateTime;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// A day, or a time on a clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// `2026-05-01` or `2026-05-01T10:00:00`.
    pub value: String,
    /// The clock's zone: an IANA name, `UTC`, an offset such as `+02:00`, the calendar's own name for
    /// it, or none for the clock on the wall, wherever that is.
    pub zone: Option<String>,
    /// Whether it is a day.
    pub date_only: bool,
}

impl When {
    /// None for a time that is not on any calendar.
    pub fn new(time: &PartialDateTime, zone: Option<String>) -> Option<Self> {
        let (year, month, day) = (time.year?, time.month?, time.day?);
        NaiveDate::from_ymd_opt(i32::from(year), u32::from(month), u32::from(day))?;
        let date = format!("{year:04}-{month:02}-{day:02}");
        let Some(hour) = time.hour else {
            return Some(Self { value: date, zone: None, date_only: true });
        };
        let (minute, second) = (time.minute.unwrap_or(0), time.second.unwrap_or(0));
        // 60: a leap second (RFC 5545 section 3.3.12).
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let zone = match (time.tz_hour, time.tz_minute.unwrap_or(0)) {
            (None, _) => zone,
            (Some(0), 0) => Some("UTC".to_owned()),
            (Some(hours), minutes) => {
                let sign = if time.tz_minus { '-' } else { '+' };
                Some(format!("{sign}{hours:02}:{minutes:02}"))
            }
        };
        let second = second.min(59);
        let value = format!("{date}T{hour:02}:{minute:02}:{second:02}");
        Some(Self { value, zone, date_only: false })
    }

    /// Its day, wherever.
    pub fn day(&self) -> Option<NaiveDate> {
        self.value.get(..10)?.parse().ok()
    }

    /// As part of an id.
    pub fn id(&self) -> String {
        match self.zone.as_deref() {
            Some("UTC") => format!("{}Z", self.value),
            _ => self.value.clone(),
        }
    }
}
