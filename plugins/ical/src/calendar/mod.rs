//! The calendar in a plain form.

mod convert;
mod observances;
mod text;
mod when;
mod zones;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use serde::{Deserialize, Serialize};

pub use convert::parse;
pub use when::When;

/// A calendar.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    /// Its events, by their external ids.
    pub events: BTreeMap<String, Event>,
    /// It ends before its end.
    pub is_cut_off: bool,
    /// How long to wait before it is fetched again.
    pub refresh_seconds: Option<u64>,
}

/// The payload of `calendar.event/1`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Names the event, with all its recurrences.
    pub uid: String,
    /// Which recurrence it changes.
    pub recurrence_id: Option<When>,
    /// The title.
    pub summary: Option<String>,
    /// More about it.
    pub description: Option<String>,
    /// Where.
    pub location: Option<String>,
    /// `TENTATIVE`, `CONFIRMED` or `CANCELLED`.
    pub status: Option<String>,
    /// When it begins.
    pub start: Option<When>,
    /// When it ends; what is at this moment is not part of it.
    pub end: Option<When>,
    /// How long it takes, where it has no end.
    pub duration_seconds: Option<i64>,
    /// How it recurs, as RFC 5545 writes it.
    pub rrule: Option<String>,
    /// Further times.
    pub rdates: Vec<When>,
    /// Times at which it does not recur.
    pub exdates: Vec<When>,
    /// Who invites.
    pub organizer: Option<Organizer>,
    /// Who is invited.
    pub attendees: Vec<Attendee>,
    /// What it is about.
    pub categories: Vec<String>,
    /// Its page.
    pub url: Option<String>,
    /// How often it was changed.
    pub sequence: Option<i64>,
    /// When it was changed (RFC 3339).
    pub last_modified: Option<String>,
    /// Where on earth.
    pub geo: Option<Geo>,
}

/// Who invites.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Organizer {
    /// The name.
    pub name: Option<String>,
    /// The mail address.
    pub email: Option<String>,
}

/// Who is invited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attendee {
    /// The name.
    pub name: Option<String>,
    /// The mail address.
    pub email: Option<String>,
    /// `NEEDS-ACTION`, `ACCEPTED`, `DECLINED`, `TENTATIVE` or `DELEGATED`.
    pub status: Option<String>,
}

/// A place on earth, in degrees (WGS 84).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Geo {
    /// North of the equator.
    pub latitude: f64,
    /// East of Greenwich.
    pub longitude: f64,
}

impl Event {
    /// When it changed at its source, in milliseconds since 1970.
    pub fn changed_at(&self) -> Option<u64> {
        let time = DateTime::parse_from_rfc3339(self.last_modified.as_deref()?).ok()?;
        u64::try_from(time.timestamp_millis()).ok()
    }

    /// Whether any of it is on that day or later, as far as can be told without counting recurrences.
    pub fn reaches(&self, day: NaiveDate) -> bool {
        if self.rrule.is_some() {
            return true;
        }
        let ends = self.end.as_ref().or(self.start.as_ref()).into_iter().chain(&self.rdates);
        let mut days = ends.filter_map(When::day).peekable();
        days.peek().is_none() || days.any(|end| end >= day)
    }
}
