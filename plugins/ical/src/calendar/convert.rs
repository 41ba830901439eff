//! From calcard's model to ours.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarEntry, ICalendarParameterName as Parameter,
    ICalendarPeriod, ICalendarProperty as Property, ICalendarValue as Value,
};
use calcard::{Entry, Parser};
use sovereign_plugin::{PluginError, fingerprint};

use super::zones::Zones;
use super::{Attendee, Calendar, Event, Geo, Organizer, When, text};

/// The most events of a calendar; a larger one is refused whole, for half of one looks as if the rest
/// were gone.
const MOST_EVENTS: usize = 20_000;
/// The most bytes of a text, and of an id.
const LONGEST_TEXT: usize = 64 << 10;
const LONGEST_ID: usize = 512;
/// The most times, attendees or categories of an event.
const MOST_PARTS: usize = 2000;

/// Reads a calendar.
///
/// # Errors
/// [`PluginError::Failed`] says what is wrong with it.
pub fn parse(body: &[u8]) -> Result<Calendar, PluginError> {
    let text = text::decoded(body);
    let mut parser = Parser::new(&text);
    let mut calendar =
        Calendar { events: BTreeMap::new(), is_cut_off: !is_whole(&text), refresh_seconds: None };
    let mut is_calendar = false;
    loop {
        match parser.entry() {
            Entry::ICalendar(parsed) => {
                is_calendar = true;
                add(&mut calendar, &parsed)?;
            }
            Entry::TooManyComponents => {
                return Err(PluginError::failed("the calendar has too many parts"));
            }
            Entry::UnterminatedComponent(_) | Entry::UnexpectedComponentEnd { .. } => {
                calendar.is_cut_off = true;
            }
            Entry::Eof => break,
            // Address cards, lines between calendars, and what later versions may find.
            _ => {}
        }
    }
    if is_calendar { Ok(calendar) } else { Err(PluginError::failed(reason(&text))) }
}

/// Whether as many calendars end as begin.
fn is_whole(text: &str) -> bool {
    let count =
        |line: &str| text.lines().filter(|found| found.trim().eq_ignore_ascii_case(line)).count();
    count("BEGIN:VCALENDAR") == count("END:VCALENDAR")
}

fn reason(text: &str) -> String {
    let start: String = text.trim_start().chars().take(20).collect();
    if start.is_empty() {
        "the calendar is empty".to_owned()
    } else if start.starts_with('<') {
        "there is a web page at this address, not a calendar".to_owned()
    } else {
        format!("this is not a calendar: it begins with {start:?}")
    }
}

fn add(calendar: &mut Calendar, parsed: &ICalendar) -> Result<(), PluginError> {
    let zones = Zones::of(parsed);
    for component in &parsed.components {
        if let Some(seconds) = refresh_seconds(component) {
            calendar.refresh_seconds = Some(seconds);
        }
        if !component.component_type.is_event() {
            continue;
        }
        let event = event(component, &zones);
        match calendar.events.entry(external_id(&event)) {
            Slot::Vacant(slot) => {
                slot.insert(event);
            }
            // Of two versions of an event, the later counts.
            Slot::Occupied(mut slot) if slot.get().sequence <= event.sequence => {
                slot.insert(event);
            }
            Slot::Occupied(_) => {}
        }
        if calendar.events.len() > MOST_EVENTS {
            return Err(PluginError::failed(format!(
                "the calendar has more than {MOST_EVENTS} events"
            )));
        }
    }
    Ok(())
}

/// RFC 7986 section 5.7, and what came before it.
fn refresh_seconds(component: &ICalendarComponent) -> Option<u64> {
    let is_asked = |entry: &&ICalendarEntry| match &entry.name {
        Property::RefreshInterval => true,
        Property::Other(name) => name.eq_ignore_ascii_case("X-PUBLISHED-TTL"),
        _ => false,
    };
    let entry = component.entries.iter().find(is_asked)?;
    let seconds = match entry.values.first()? {
        Value::Duration(duration) => duration.as_seconds(),
        Value::Text(text) => plain_duration(text)?,
        _ => return None,
    };
    u64::try_from(seconds).ok()
}

/// `P1D`, `PT12H`, `PT30M` and their sums.
fn plain_duration(text: &str) -> Option<i64> {
    let mut seconds = 0_i64;
    let mut number = String::new();
    for character in text.trim().strip_prefix('P')?.chars() {
        let unit = match character {
            'T' => continue,
            digit if digit.is_ascii_digit() => {
                number.push(digit);
                continue;
            }
            'W' => 604_800,
            'D' => 86_400,
            'H' => 3_600,
            'M' => 60,
            'S' => 1,
            _ => return None,
        };
        let count: i64 = number.parse().ok()?;
        seconds = seconds.checked_add(count.checked_mul(unit)?)?;
        number.clear();
    }
    Some(seconds)
}

fn event(component: &ICalendarComponent, zones: &Zones) -> Event {
    let first = |property: &Property| component.property(property);
    let text_of = |property: &Property| first(property).and_then(words);
    let when_of =
        |property: &Property| first(property).and_then(|entry| whens(entry, zones).next());
    let all_whens = |property: &Property| {
        let entries = component.properties(property);
        entries.flat_map(|entry| whens(entry, zones)).take(MOST_PARTS).collect::<Vec<_>>()
    };
    let duration = first(&Property::Duration).and_then(|entry| match entry.values.first() {
        Some(Value::Duration(duration)) => Some(duration.as_seconds()),
        _ => None,
    });
    let rrule = first(&Property::Rrule).and_then(rule);
    // A series recurs by the clock of its zone: in another it would be an hour off for half of the year.
    let settled = |when: When| if rrule.is_some() { when } else { zones.settled(when) };
    Event {
        uid: text_of(&Property::Uid).unwrap_or_default(),
        recurrence_id: when_of(&Property::RecurrenceId),
        summary: text_of(&Property::Summary),
        description: text_of(&Property::Description),
        location: text_of(&Property::Location),
        status: text_of(&Property::Status).map(|status| status.to_ascii_uppercase()),
        start: when_of(&Property::Dtstart).map(settled),
        end: when_of(&Property::Dtend).map(settled),
        duration_seconds: duration,
        rrule,
        rdates: all_whens(&Property::Rdate),
        exdates: all_whens(&Property::Exdate),
        organizer: first(&Property::Organizer).and_then(|entry| {
            let organizer = Organizer { name: name(entry), email: email(entry) };
            (organizer.name.is_some() || organizer.email.is_some()).then_some(organizer)
        }),
        attendees: component
            .properties(&Property::Attendee)
            .map(|entry| Attendee {
                name: name(entry),
                email: email(entry),
                status: parameter(entry, &Parameter::Partstat),
            })
            .filter(|attendee| attendee.name.is_some() || attendee.email.is_some())
            .take(MOST_PARTS)
            .collect(),
        categories: component
            .properties(&Property::Categories)
            .flat_map(|entry| entry.values.iter().filter_map(Value::as_text))
            .filter_map(cleaned)
            .take(MOST_PARTS)
            .collect(),
        url: text_of(&Property::Url),
        sequence: first(&Property::Sequence)
            .and_then(|entry| entry.values.first())
            .and_then(Value::as_integer),
        last_modified: when_of(&Property::LastModified)
            .filter(|when| !when.date_only)
            .map(|when| format!("{}Z", when.value)),
        geo: first(&Property::Geo).and_then(geo),
    }
}

/// The uid, and which recurrence; a hash for an event without uid.
fn external_id(event: &Event) -> String {
    let mut id = if event.uid.is_empty() {
        fingerprint(format!("{:?}\n{:?}", event.summary, event.start).as_bytes())
    } else {
        event.uid.clone()
    };
    if let Some(recurrence) = &event.recurrence_id {
        id = format!("{id}#{}", recurrence.id());
    }
    if id.len() > LONGEST_ID { fingerprint(id.as_bytes()) } else { id }
}

fn words(entry: &ICalendarEntry) -> Option<String> {
    match entry.values.first()? {
        Value::Integer(number) => Some(number.to_string()),
        value => cleaned(value.as_text()?),
    }
}

/// Without NUL, which databases refuse, not too long, and not empty.
fn cleaned(text: &str) -> Option<String> {
    let mut text = text.trim().replace('\0', "");
    text.truncate(text.floor_char_boundary(LONGEST_TEXT));
    (!text.is_empty()).then_some(text)
}

fn parameter(entry: &ICalendarEntry, name: &Parameter) -> Option<String> {
    cleaned(entry.parameter(name)?.as_text()?)
}

fn name(entry: &ICalendarEntry) -> Option<String> {
    parameter(entry, &Parameter::Cn)
}

/// The calendar address where it is one of mail, or the parameter that has it.
fn email(entry: &ICalendarEntry) -> Option<String> {
    let address = entry.calendar_address().and_then(cleaned);
    let address = address.filter(|address| address.contains('@') && !address.contains(' '));
    address.or_else(|| parameter(entry, &Parameter::Email))
}

fn rule(entry: &ICalendarEntry) -> Option<String> {
    match entry.values.first()? {
        Value::RecurrenceRule(rule) => Some(rule.to_string()),
        _ => None,
    }
}

/// The times of an entry; of a period, its beginning.
fn whens<'a>(entry: &'a ICalendarEntry, zones: &Zones) -> impl Iterator<Item = When> + use<'a> {
    let zone = parameter(entry, &Parameter::Tzid).map(|name| zones.name(&name));
    entry.values.iter().filter_map(move |value| {
        let time = match value {
            Value::PartialDateTime(time) => time.as_ref(),
            Value::Period(
                ICalendarPeriod::Range { start, .. } | ICalendarPeriod::Duration { start, .. },
            ) => start,
            _ => return None,
        };
        When::new(time, zone.clone())
    })
}

fn geo(entry: &ICalendarEntry) -> Option<Geo> {
    let number = |value: &Value| match value {
        Value::Float(number) => Some(*number),
        Value::Integer(number) => Some(*number as f64),
        _ => None,
    };
    let [latitude, longitude] = entry.values.as_slice() else { return None };
    let geo = Geo { latitude: number(latitude)?, longitude: number(longitude)? };
    let is_on_earth =
        (-90.0..=90.0).contains(&geo.latitude) && (-180.0..=180.0).contains(&geo.longitude);
    is_on_earth.then_some(geo)
}
