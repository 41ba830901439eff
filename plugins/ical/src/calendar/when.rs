//! Times of calendars.

use calcard::common::PartialDateTime;
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use serde::{Deserialize, Serialize};

/// A day, or a time on a clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// `2026-05-01` or `2026-05-01T10:00:00`.
    pub value: String,
    /// The clock's zone: an IANA name, `UTC`, the calendar's own name for it, or none for the clock on the
    /// wall, wherever that is.
    pub zone: Option<String>,
    /// Whether it is a day.
    pub date_only: bool,
}

impl When {
    /// How the time of a day is written.
    pub(super) const FORM: &str = "%Y-%m-%dT%H:%M:%S";

    /// None for a time that is not on any calendar.
    pub fn new(time: &PartialDateTime, zone: Option<String>) -> Option<Self> {
        let (year, month, day) = (time.year?, time.month?, time.day?);
        let day = NaiveDate::from_ymd_opt(i32::from(year), u32::from(month), u32::from(day))?;
        let Some(hour) = time.hour else {
            let value = day.format("%Y-%m-%d").to_string();
            return Some(Self { value, zone: None, date_only: true });
        };
        let (minute, second) = (time.minute.unwrap_or(0), time.second.unwrap_or(0));
        // 60: a leap second (RFC 5545 section 3.3.12).
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let second = second.min(59);
        let local = day.and_hms_opt(u32::from(hour), u32::from(minute), u32::from(second))?;
        let Some(hours) = time.tz_hour else {
            let value = local.format(Self::FORM).to_string();
            return Some(Self { value, zone, date_only: false });
        };
        // An offset is no zone of the world, but says when it is there.
        let minutes = i64::from(hours) * 60 + i64::from(time.tz_minute.unwrap_or(0));
        let ahead = TimeDelta::minutes(if time.tz_minus { -minutes } else { minutes });
        local.checked_sub_signed(ahead).map(Self::utc)
    }

    /// A time in UTC.
    pub fn utc(time: NaiveDateTime) -> Self {
        let value = time.format(Self::FORM).to_string();
        Self { value, zone: Some("UTC".to_owned()), date_only: false }
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
