//! Times and dates, as sources write them.

use std::collections::HashMap;
use std::sync::LazyLock;

use chrono::{
    DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeDelta,
    TimeZone as _, Utc,
};
use chrono_tz::Tz;

/// Windows' names of time zones, as Outlook and Microsoft Graph give them, with the zone of the
/// territory that Windows means first (Unicode CLDR, `windowsZones.xml`).
static WINDOWS: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    include_str!("../windows_zones.tsv")
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(windows, zone)| (windows.to_ascii_lowercase(), zone.trim()))
        .collect()
});

/// The zones of the IANA database, by their names in small letters.
static ZONES: LazyLock<HashMap<String, Tz>> = LazyLock::new(|| {
    chrono_tz::TZ_VARIANTS.iter().map(|zone| (zone.name().to_ascii_lowercase(), *zone)).collect()
});

/// A time zone by its IANA or Windows name. Names that calendars put before it
/// (`/freeassociation.sourceforge.net/Europe/Vienna`) do not count.
pub(crate) fn zone(name: &str) -> Option<Tz> {
    let name = name.trim().trim_matches('"');
    if name.is_empty() || name.len() > 200 {
        return None;
    }
    let name = name.to_ascii_lowercase();
    if let Some(zone) = WINDOWS.get(&name) {
        return zone.parse().ok();
    }
    if let Some(zone) = ZONES.get(&name) {
        return Some(*zone);
    }
    let mut rest = name.trim_start_matches('/');
    while let Some((_, tail)) = rest.split_once('/') {
        if let (true, Some(zone)) = (tail.contains('/'), ZONES.get(tail)) {
            return Some(*zone);
        }
        rest = tail;
    }
    None
}

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Known in the world.
    At(DateTime<Utc>),
    /// On the clock of wherever somebody is: no zone is known.
    Local(NaiveDateTime),
    /// A whole day.
    Day(NaiveDate),
}

impl Moment {
    /// As it is written in properties.
    pub(crate) fn text(self) -> String {
        match self {
            Self::At(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            Self::Local(time) => time.format("%Y-%m-%dT%H:%M:%S").to_string(),
            Self::Day(day) => day.format("%Y-%m-%d").to_string(),
        }
    }

    /// As the graph's second time: what has no zone counts as UTC, a day begins at midnight.
    pub(crate) fn instant(self) -> DateTime<Utc> {
        match self {
            Self::At(time) => time,
            Self::Local(time) => time.and_utc(),
            Self::Day(day) => day.and_time(NaiveTime::MIN).and_utc(),
        }
    }

    /// So many seconds later; of a day whole days count.
    pub(crate) fn later(self, seconds: i64) -> Option<Self> {
        let by = TimeDelta::try_seconds(seconds).filter(|by| *by >= TimeDelta::zero())?;
        let later = match self {
            Self::At(time) => Self::At(time.checked_add_signed(by)?),
            Self::Local(time) => Self::Local(time.checked_add_signed(by)?),
            Self::Day(day) => {
                Self::Day(day.checked_add_days(Days::new(u64::try_from(by.num_days()).ok()?))?)
            }
        };
        later.usable()
    }

    /// The graph keeps the years 1 to 9999.
    fn usable(self) -> Option<Self> {
        (2..=9_998).contains(&self.instant().year()).then_some(self)
    }
}

/// A point in time from text: RFC 3339, the basic form of iCalendar, with or without an offset; without one
/// it is on the clock of `zone`.
pub(crate) fn moment(text: &str, zone: Option<Tz>) -> Option<Moment> {
    let text = text.trim();
    if text.len() > 64 || !text.is_ascii() {
        return None;
    }
    if let Ok(time) =
        DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_rfc2822(text))
    {
        return Moment::At(time.to_utc()).usable();
    }
    if let Some(day) = day(text) {
        return Moment::Day(day).usable();
    }
    let (text, is_utc) = match text.strip_suffix(['Z', 'z']) {
        Some(text) => (text, true),
        None => (text, false),
    };
    let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y%m%dT%H%M%S"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        // At the ends of what can be counted no zone can be.
        .filter(|local| (1..=9_999).contains(&local.year()))?;
    let moment = match (is_utc, zone) {
        (true, _) => Moment::At(local.and_utc()),
        (false, Some(zone)) => Moment::At(in_zone(local, zone)),
        (false, None) => Moment::Local(local),
    };
    moment.usable()
}

/// The time when the clock of a zone shows this; where it shows it twice the first time, and where it
/// never does, because it was moved on, the time that it would have been.
fn in_zone(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let found = zone.from_local_datetime(&local).earliest();
    let found = found.or_else(|| {
        let before = zone.from_local_datetime(&(local - TimeDelta::hours(3))).earliest()?;
        Some(before + TimeDelta::hours(3))
    });
    found.map_or_else(|| local.and_utc(), |time| time.to_utc())
}

fn day(text: &str) -> Option<NaiveDate> {
    let form = match text.len() {
        8 => "%Y%m%d",
        10 => "%Y-%m-%d",
        _ => return None,
    };
    NaiveDate::parse_from_str(text, form).ok()
}

/// The day of a date or time, as it is written, whatever the zone.
pub(crate) fn date(text: &str) -> Option<Moment> {
    let text = text.trim();
    let parsed = moment(text, None)?;
    let written = text.get(..10).and_then(day).or_else(|| text.get(..8).and_then(day));
    Moment::Day(written.unwrap_or_else(|| parsed.instant().date_naive())).usable()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str, name: &str) -> Option<String> {
        moment(text, zone(name)).map(Moment::text)
    }

    #[test]
    fn every_windows_zone_of_the_table_is_known() {
        assert!(WINDOWS.len() > 100);
        for (windows, iana) in &*WINDOWS {
            assert!(iana.parse::<Tz>().is_ok(), "{windows}: {iana}");
        }
        assert_eq!(zone("W. Europe Standard Time"), Some(Tz::Europe__Berlin));
        assert_eq!(zone("pacific standard time"), Some(Tz::America__Los_Angeles));
        assert_eq!(zone("UTC"), Some(Tz::UTC));
        assert_eq!(zone("europe/vienna"), Some(Tz::Europe__Vienna));
        let long = "/freeassociation.sourceforge.net/Tzfile/Europe/Vienna";
        assert_eq!(zone(long), Some(Tz::Europe__Vienna));
        assert_eq!(zone("Middle-earth/Shire"), None);
    }

    #[test]
    fn times_are_read_on_the_clock_of_their_zone() {
        let graph = "2026-07-01T09:30:00.0000000";
        assert_eq!(text(graph, "W. Europe Standard Time").unwrap(), "2026-07-01T07:30:00Z");
        assert_eq!(text("20261126T090000", "Europe/Vienna").unwrap(), "2026-11-26T08:00:00Z");
        assert_eq!(text("20261126T090000Z", "Europe/Vienna").unwrap(), "2026-11-26T09:00:00Z");
        assert_eq!(text("2026-11-26T09:00:00+02:00", "").unwrap(), "2026-11-26T07:00:00Z");
        assert_eq!(text(graph, "").unwrap(), "2026-07-01T09:30:00", "nobody knows where");
        assert_eq!(text("2026-11-26", "Europe/Vienna").unwrap(), "2026-11-26");
    }

    #[test]
    fn an_hour_that_is_left_out_or_comes_twice_is_read_all_the_same() {
        assert_eq!(text("2026-03-29T02:30:00", "Europe/Vienna").unwrap(), "2026-03-29T01:30:00Z");
        assert_eq!(text("2026-10-25T02:30:00", "Europe/Vienna").unwrap(), "2026-10-25T00:30:00Z");
    }

    #[test]
    fn nonsense_is_no_time() {
        for nonsense in
            ["", "soon", "2026-13-01", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "ä"]
        {
            assert_eq!(moment(nonsense, None), None, "{nonsense}");
        }
        for far in ["-262143-01-01T00:00:00", "+262142-12-31T23:59:59", "-262143-01-01T00:00"] {
            assert_eq!(moment(far, zone("Pacific/Apia")), None, "{far}");
        }
        assert_eq!(Moment::Day(NaiveDate::MIN).later(i64::MAX), None);
        assert_eq!(moment("2026-01-01", None).unwrap().later(-5), None);
        assert_eq!(date("1990-05-04T22:00:00Z").unwrap().text(), "1990-05-04");
    }
}
