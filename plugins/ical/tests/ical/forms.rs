//! One form for all calendars.

use ical::{Event, Geo, parse};
use sovereign_plugin::PluginError;

fn calendar(events: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t\r\n{events}END:VCALENDAR\r\n")
}

fn event(lines: &str) -> Event {
    let text = calendar(&format!("BEGIN:VEVENT\r\nUID:u\r\n{lines}END:VEVENT\r\n"));
    parse(text.as_bytes()).unwrap().events.remove("u").unwrap()
}

#[test]
fn an_event_has_all_its_parts() {
    let event = event(
        "SUMMARY:Dinner\\, at last\r\nDESCRIPTION:a\\nb\r\nLOCATION:Home\r\nSTATUS:CONFIRMED\r\n\
         DTSTART;TZID=Europe/Vienna:20260501T190000\r\nDTEND;TZID=Europe/Vienna:20260501T210000\r\n\
         RRULE:FREQ=WEEKLY;COUNT=3;BYDAY=FR\r\nEXDATE;TZID=Europe/Vienna:20260508T190000\r\n\
         RDATE;VALUE=DATE:20260601,20260602\r\nCATEGORIES:a,b\r\nURL:https://x.example/\r\n\
         ORGANIZER;CN=Ann:mailto:ann@a.example\r\nSEQUENCE:2\r\nLAST-MODIFIED:20260401T120000Z\r\n\
         ATTENDEE;CN=Bob;PARTSTAT=ACCEPTED:MAILTO:bob@b.example\r\nGEO:48.2;16.37\r\n",
    );
    assert_eq!(event.summary.as_deref(), Some("Dinner, at last"));
    assert_eq!(event.description.as_deref(), Some("a\nb"));
    let start = event.start.clone().unwrap();
    assert_eq!((start.value.as_str(), start.date_only), ("2026-05-01T19:00:00", false));
    assert_eq!(start.zone.as_deref(), Some("Europe/Vienna"));
    assert_eq!(event.rrule.as_deref(), Some("FREQ=WEEKLY;COUNT=3;BYDAY=FR"));
    assert_eq!((event.exdates.len(), event.rdates.len()), (1, 2));
    assert!(event.rdates[0].date_only);
    assert_eq!(event.organizer.as_ref().unwrap().email.as_deref(), Some("ann@a.example"));
    let bob = &event.attendees[0];
    assert_eq!(
        (bob.email.as_deref(), bob.status.as_deref()),
        (Some("bob@b.example"), Some("ACCEPTED"))
    );
    assert_eq!(event.categories, ["a", "b"]);
    assert_eq!((event.sequence, event.changed_at()), (Some(2), Some(1_775_044_800_000)));
    assert_eq!(event.geo, Some(Geo { latitude: 48.2, longitude: 16.37 }));
}

#[test]
fn days_floating_times_and_other_names_of_zones() {
    let day = event("DTSTART;VALUE=DATE:20260501\r\nDURATION:P2D\r\n");
    assert!(day.start.unwrap().date_only);
    assert_eq!(day.duration_seconds, Some(172_800));
    let floating = event("DTSTART:20260501T100000\r\n").start.unwrap();
    assert_eq!(floating.zone, None);
    assert_eq!(event("DTSTART:20260501T100000Z\r\n").start.unwrap().zone.as_deref(), Some("UTC"));
    let windows = event("DTSTART;TZID=W. Europe Standard Time:20260501T100000\r\n").start.unwrap();
    assert_eq!(windows.zone.as_deref(), Some("Europe/Berlin"));
    let own = event("DTSTART;TZID=Our Clock:20260501T100000\r\n").start.unwrap();
    assert_eq!(own.zone.as_deref(), Some("Our Clock"));
    assert_eq!(event("DTSTART:20261399T100000Z\r\n").start, None);
}

#[test]
fn zones_that_a_calendar_describes_itself_are_those_of_the_world_where_it_says_so() {
    let zoned = |lines: &str, name: &str| {
        let text = calendar(&format!(
            "BEGIN:VTIMEZONE\r\nTZID:Our Clock\r\n{lines}BEGIN:STANDARD\r\nDTSTART:19701025T030000\r\n\
             TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n\
             BEGIN:VEVENT\r\nUID:u\r\nDTSTART;TZID={name}:20260501T100000\r\nEND:VEVENT\r\n"
        ));
        parse(text.as_bytes()).unwrap().events.remove("u").unwrap().start.unwrap().zone.unwrap()
    };
    assert_eq!(zoned("X-LIC-LOCATION:Europe/Vienna\r\n", "Our Clock"), "Europe/Vienna");
    assert_eq!(zoned("X-MICROSOFT-CDO-TZID:10\r\n", "Our Clock"), "America/New_York");
    assert_eq!(zoned("", "Another Clock"), "Another Clock", "nobody knows that one");
    assert_eq!(zoned("", "\"(UTC+05:30) Somewhere\""), "(UTC+05:30) Somewhere");
    assert_eq!(zoned("", "/mozilla.org/20050126_1/Europe/Berlin"), "Europe/Berlin");
}

#[test]
fn times_of_a_zone_that_only_the_calendar_knows_follow_its_description_of_summer_and_winter() {
    let part = |name: &str, begins: &str, offset: &str, rule: &str| {
        format!(
            "BEGIN:{name}\r\nDTSTART:{begins}\r\nTZOFFSETFROM:+0000\r\nTZOFFSETTO:{offset}\r\n\
             RRULE:FREQ=YEARLY;{rule}\r\nEND:{name}\r\n"
        )
    };
    let zone = format!(
        "BEGIN:VTIMEZONE\r\nTZID:Our Clock\r\n{}{}END:VTIMEZONE\r\n",
        part("STANDARD", "19701025T030000", "+0530", "BYMONTH=10;BYDAY=-1SU"),
        part("DAYLIGHT", "19700308T020000", "+0630", "BYMONTH=3;BYDAY=2SU"),
    );
    let at = |time: &str, more: &str| {
        let text = calendar(&format!(
            "{zone}BEGIN:VEVENT\r\nUID:u\r\nDTSTART;TZID=Our Clock:{time}\r\n{more}END:VEVENT\r\n"
        ));
        let start = parse(text.as_bytes()).unwrap().events.remove("u").unwrap().start.unwrap();
        (start.value, start.zone.unwrap())
    };
    let utc = |value: &str| (value.to_owned(), "UTC".to_owned());
    assert_eq!(at("20260115T100000", ""), utc("2026-01-15T04:30:00"));
    assert_eq!(at("20260715T100000", ""), utc("2026-07-15T03:30:00"));
    // 2026-03-08 is the second Sunday of March, 2026-10-25 the last of October.
    assert_eq!(at("20260308T015900", ""), utc("2026-03-07T20:29:00"));
    assert_eq!(at("20260308T030000", ""), utc("2026-03-07T20:30:00"));
    assert_eq!(at("20261025T030000", ""), utc("2026-10-24T21:30:00"));
    assert_eq!(at("19600101T000000", "").1, "UTC");
    // A series keeps its clock.
    let series = at("20260115T100000", "RRULE:FREQ=WEEKLY\r\n");
    assert_eq!(series, ("2026-01-15T10:00:00".to_owned(), "Our Clock".to_owned()));
}

#[test]
fn a_changed_recurrence_is_an_event_of_its_own_and_the_later_version_counts() {
    let text = calendar(
        "BEGIN:VEVENT\r\nUID:u\r\nSEQUENCE:1\r\nSUMMARY:new\r\nEND:VEVENT\r\n\
         BEGIN:VEVENT\r\nUID:u\r\nSEQUENCE:0\r\nSUMMARY:old\r\nEND:VEVENT\r\n\
         BEGIN:VEVENT\r\nUID:u\r\nRECURRENCE-ID:20260508T170000Z\r\nSUMMARY:moved\r\nEND:VEVENT\r\n\
         BEGIN:VEVENT\r\nSUMMARY:nameless\r\nEND:VEVENT\r\nBEGIN:VTODO\r\nUID:t\r\nEND:VTODO\r\n",
    );
    let calendar = parse(text.as_bytes()).unwrap();
    assert_eq!(calendar.events.len(), 3);
    assert_eq!(calendar.events["u"].summary.as_deref(), Some("new"));
    assert_eq!(calendar.events["u#2026-05-08T17:00:00Z"].summary.as_deref(), Some("moved"));
}

#[test]
fn latin_1_a_byte_order_mark_and_other_ends_of_lines_are_read() {
    let text = calendar("BEGIN:VEVENT\r\nUID:u\r\nSUMMARY:Gr\u{fc}n\r\nEND:VEVENT\r\n");
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    assert_eq!(parse(&latin).unwrap().events["u"].summary.as_deref(), Some("Gr\u{fc}n"));
    let marked = format!("\u{feff}{}", text.replace("\r\n", "\n"));
    assert_eq!(parse(marked.as_bytes()).unwrap().events.len(), 1);
    let lotus = parse(text.replace("\r\n", "\r").as_bytes()).unwrap();
    assert_eq!((lotus.events.len(), lotus.is_cut_off), (1, false));
}

#[test]
fn lines_are_unfolded_also_where_a_character_was_cut_in_two() {
    let text = calendar(
        "BEGIN:VEVENT\r\nUID:u\r\nSUMMARY:Gr\u{fc}n\u{e4}\r\nLOCATION:a\r\n  b\r\n\tc\r\nEND:VEVENT\r\n",
    );
    assert_eq!(parse(text.as_bytes()).unwrap().events["u"].location.as_deref(), Some("a bc"));
    let at = text.find('\u{fc}').unwrap() + 1;
    for fold in ["\r\n ", "\n\t"] {
        let mut folded = text.as_bytes().to_vec();
        folded.splice(at..at, fold.bytes());
        let event = &parse(&folded).unwrap().events["u"];
        assert_eq!(event.summary.as_deref(), Some("Gr\u{fc}n\u{e4}"), "{fold:?}");
    }
}

#[test]
fn a_calendar_that_ends_within_a_character_keeps_the_others() {
    let text = calendar(
        "BEGIN:VEVENT\r\nUID:u\r\nSUMMARY:Gr\u{fc}n\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:v\r\nSUMMARY:\u{fc}",
    );
    let cut = text.find("SUMMARY:\u{fc}").unwrap() + "SUMMARY:".len() + 1;
    let calendar = parse(&text.as_bytes()[..cut]).unwrap();
    assert!(calendar.is_cut_off);
    assert_eq!(calendar.events["u"].summary.as_deref(), Some("Gr\u{fc}n"));
}

#[test]
fn utf_16_and_windows_1252_are_read() {
    let text = calendar("BEGIN:VEVENT\r\nUID:u\r\nSUMMARY:5 \u{20ac} f\u{fc}r\r\nEND:VEVENT\r\n");
    let marked = format!("\u{feff}{text}");
    let little: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = marked.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let windows: Vec<u8> = text
        .chars()
        .map(|c| if c == '\u{20ac}' { 0x80 } else { u8::try_from(u32::from(c)).unwrap() })
        .collect();
    for body in [little, big, windows] {
        let event = &parse(&body).unwrap().events["u"];
        assert_eq!(event.summary.as_deref(), Some("5 \u{20ac} f\u{fc}r"));
    }
}

#[test]
fn a_calendar_that_is_cut_off_is_known_as_such() {
    let whole =
        calendar("BEGIN:VEVENT\r\nUID:u\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:v\r\nEND:VEVENT\r\n");
    assert!(!parse(whole.as_bytes()).unwrap().is_cut_off);
    let cut = parse(&whole.as_bytes()[..whole.len() - 40]).unwrap();
    assert!(cut.is_cut_off);
    assert!(cut.events.contains_key("u"));
}

#[test]
fn when_to_come_again_is_read() {
    for line in ["REFRESH-INTERVAL;VALUE=DURATION:PT12H", "X-PUBLISHED-TTL:PT12H"] {
        let text = calendar(&format!("{line}\r\n"));
        assert_eq!(parse(text.as_bytes()).unwrap().refresh_seconds, Some(43_200), "{line}");
    }
}

#[test]
fn what_is_no_calendar_says_why() {
    for (body, word) in [("", "empty"), ("<html>", "web page"), ("hello there", "hello there")] {
        let outcome = parse(body.as_bytes());
        assert!(
            matches!(&outcome, Err(PluginError::Failed(text)) if text.contains(word)),
            "{outcome:?}"
        );
    }
}
