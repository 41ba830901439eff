//! A zone as a calendar describes it itself (RFC 5545, section 3.6.5): which offset its clocks have when.

use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarFrequency,
    ICalendarProperty as Property, ICalendarRecurrenceRule, ICalendarValue as Value,
    ICalendarWeekday,
};
use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta, Weekday};

/// The most observances of a zone that are looked at.
const MOST: usize = 200;

/// The offsets of a zone.
#[derive(Debug)]
pub struct Observances(Vec<Observance>);

/// From when on clocks have an offset.
#[derive(Debug)]
struct Observance {
    /// On the clock as it was before.
    begins: NaiveDateTime,
    /// Again each year on such a day.
    yearly: Option<Yearly>,
    /// Minutes ahead of UTC.
    ahead: i64,
}

#[derive(Debug)]
struct Yearly {
    month: u32,
    weekday: Weekday,
    /// Which of the month's; counted from its end where it is negative.
    which: i16,
    until: Option<NaiveDateTime>,
}

impl Observances {
    /// Of a `VTIMEZONE`; none where it describes nothing that can be read.
    pub fn of(calendar: &ICalendar, zone: &ICalendarComponent) -> Option<Self> {
        let parts = zone.component_ids.iter().filter_map(|id| {
            calendar.components.get(usize::try_from(*id).ok()?).filter(|part| {
                matches!(
                    part.component_type,
                    ICalendarComponentType::Standard | ICalendarComponentType::Daylight
                )
            })
        });
        let read: Vec<Observance> = parts.take(MOST).filter_map(observance).collect();
        (!read.is_empty()).then_some(Self(read))
    }

    /// When it is there in UTC when clocks show this.
    pub fn utc(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let begun = self.0.iter().filter_map(|one| Some((one.last_onset(local)?, one.ahead)));
        let in_force = begun.max_by_key(|(onset, _)| *onset).map(|(_, ahead)| ahead);
        // Before the first of them: as it was described to begin.
        let ahead = in_force.or_else(|| Some(self.0.iter().min_by_key(|one| one.begins)?.ahead))?;
        local.checked_sub_signed(TimeDelta::minutes(ahead))
    }
}

impl Observance {
    /// When it began last before a time.
    fn last_onset(&self, before: NaiveDateTime) -> Option<NaiveDateTime> {
        let begins = (self.begins <= before).then_some(self.begins)?;
        let Some(yearly) = &self.yearly else { return Some(begins) };
        let onsets = [before.year(), before.year() - 1].into_iter().filter_map(|year| {
            let onset = yearly.day(year)?.and_time(begins.time());
            let holds = onset >= begins && yearly.until.is_none_or(|until| onset <= until);
            (holds && onset <= before).then_some(onset)
        });
        // A rule that ended leaves its last onset in force only where nothing began since; its first will do.
        onsets.max().or(Some(begins))
    }
}

impl Yearly {
    fn of(rule: &ICalendarRecurrenceRule) -> Option<Self> {
        let ([day], [month]) = (rule.byday.as_slice(), rule.bymonth.as_slice()) else {
            return None;
        };
        if rule.freq != ICalendarFrequency::Yearly || rule.interval.is_some_and(|years| years > 1) {
            return None;
        }
        let until = rule.until.as_ref().and_then(|until| until.to_date_time());
        Some(Self {
            month: u32::from(month.month()),
            weekday: weekday(day.weekday),
            which: day.ordwk.unwrap_or(1),
            // It is in UTC, and the onset is not: a day more or less is no other year.
            until: until.and_then(|until| until.date_time.checked_add_signed(TimeDelta::days(1))),
        })
    }

    fn day(&self, year: i32) -> Option<NaiveDate> {
        if self.which > 0 {
            let which = u8::try_from(self.which).ok()?;
            return NaiveDate::from_weekday_of_month_opt(year, self.month, self.weekday, which);
        }
        let of_month =
            |which| NaiveDate::from_weekday_of_month_opt(year, self.month, self.weekday, which);
        let last = of_month(5).or_else(|| of_month(4))?;
        last.checked_sub_signed(TimeDelta::weeks(i64::from(-1 - self.which)))
    }
}

fn observance(part: &ICalendarComponent) -> Option<Observance> {
    let time = |name| match part.property(name)?.values.first()? {
        Value::PartialDateTime(time) => Some(time),
        _ => None,
    };
    let offset = time(&Property::Tzoffsetto)?;
    let ahead = i64::from(offset.tz_hour?) * 60 + i64::from(offset.tz_minute.unwrap_or(0));
    let rule = part.property(&Property::Rrule).and_then(|entry| match entry.values.first() {
        Some(Value::RecurrenceRule(rule)) => Yearly::of(rule),
        _ => None,
    });
    Some(Observance {
        begins: time(&Property::Dtstart)?.to_date_time()?.date_time,
        yearly: rule,
        ahead: if offset.tz_minus { -ahead } else { ahead },
    })
}

fn weekday(day: ICalendarWeekday) -> Weekday {
    match day {
        ICalendarWeekday::Sunday => Weekday::Sun,
        ICalendarWeekday::Monday => Weekday::Mon,
        ICalendarWeekday::Tuesday => Weekday::Tue,
        ICalendarWeekday::Wednesday => Weekday::Wed,
        ICalendarWeekday::Thursday => Weekday::Thu,
        ICalendarWeekday::Friday => Weekday::Fri,
        ICalendarWeekday::Saturday => Weekday::Sat,
    }
}
