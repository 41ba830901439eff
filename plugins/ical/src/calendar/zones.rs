//! Names of time zones.

use std::collections::BTreeMap;
use std::str::FromStr;

use calcard::common::timezone::Tz;
use calcard::icalendar::{ICalendar, ICalendarProperty as Property, ICalendarValue as Value};
use chrono::NaiveDateTime;

use super::When;
use super::observances::Observances;

/// The zones that a calendar describes itself.
#[derive(Debug, Default)]
pub struct Zones {
    /// Those of which it says which of the world's they are (`X-LIC-LOCATION`, `X-MICROSOFT-CDO-TZID`).
    named: BTreeMap<String, String>,
    /// The others.
    described: BTreeMap<String, Observances>,
}

impl Zones {
    /// Of a calendar.
    pub fn of(calendar: &ICalendar) -> Self {
        let mut zones = Self::default();
        for component in calendar.timezones() {
            let Some(Value::Text(own)) =
                component.property(&Property::Tzid).and_then(|entry| entry.values.first())
            else {
                continue;
            };
            let named = component.timezone().and_then(|(own, zone)| iana(own, zone));
            if let Some(name) = named {
                zones.named.insert(own.trim().to_owned(), name);
            } else if let Some(observances) = Observances::of(calendar, component) {
                zones.described.insert(own.trim().to_owned(), observances);
            }
        }
        zones
    }

    /// The IANA name of a zone where it can be told: programs have their own names, and calendars too.
    pub fn name(&self, own: &str) -> String {
        let known = Tz::from_str(own).ok().and_then(|zone| iana(own, zone));
        known.or_else(|| self.named.get(own).cloned()).unwrap_or_else(|| own.to_owned())
    }

    /// A time in a zone that only this calendar knows, as one that everybody knows.
    pub fn settled(&self, when: When) -> When {
        let described = when.zone.as_ref().and_then(|zone| self.described.get(zone));
        let local = NaiveDateTime::parse_from_str(&when.value, When::FORM).ok();
        match described.zip(local).and_then(|(zone, local)| zone.utc(local)) {
            Some(utc) => When::utc(utc),
            None => when,
        }
    }
}

fn iana(own: &str, zone: Tz) -> Option<String> {
    if zone.is_floating() {
        return None;
    }
    if zone.is_utc() {
        return Some("UTC".to_owned());
    }
    let name = zone.name()?;
    // `(UTC+05:30) Somewhere` is read as whole hours, which is half an hour off.
    let is_broken = own.contains(":30") || own.contains(":45");
    (!(is_broken && name.starts_with("Etc/"))).then(|| name.into_owned())
}
