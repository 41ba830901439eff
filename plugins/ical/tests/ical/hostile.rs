//! Calendars that mean harm.

use ical::parse;

/// A panic or an exhausted stack would count against the plugin, and in the end rest it for everybody.
#[test]
fn whatever_is_damaged_is_read_or_refused() {
    let bodies: Vec<Vec<u8>> = super::corpus::all_shipped()
        .into_iter()
        .map(|path| std::fs::read(path).unwrap())
        .filter(|body| body.len() < 20_000)
        .collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        usize::try_from(state >> 33).unwrap() % below.max(1)
    };
    for round in 0..4000 {
        let mut body = bodies[round % bodies.len()].clone();
        for _ in 0..=random(8) {
            let at = random(body.len());
            match random(4) {
                0 if !body.is_empty() => body[at] = u8::try_from(random(256)).unwrap(),
                1 => drop(body.drain(at..(at + random(40)).min(body.len()))),
                2 => body.truncate(at),
                _ => {
                    let piece = body[at..(at + random(200)).min(body.len())].to_vec();
                    body.splice(at..at, piece);
                }
            }
        }
        let _outcome = parse(&body);
    }
}

#[test]
fn numbers_and_depths_without_measure_are_read_or_refused() {
    let event = |line: &str| {
        format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\n{line}\nEND:VEVENT\nEND:VCALENDAR\n")
    };
    for line in [
        "DURATION:P99999999999999999999W",
        "DURATION:-P4294967295WT4294967295H",
        "SEQUENCE:99999999999999999999999",
        "DTSTART:99999999T999999Z",
        "DTSTART:00000000T000000",
        "RRULE:FREQ=SECONDLY;COUNT=4294967295;INTERVAL=65535",
        "GEO:1e400;nan",
        "DTSTART;TZID=\"\":20260101T000000",
        "REFRESH-INTERVAL;VALUE=DURATION:P99999999999W",
        "X-PUBLISHED-TTL:P9223372036854775807W",
    ] {
        let _outcome = parse(event(line).as_bytes());
    }
    let deep = format!("BEGIN:VCALENDAR\n{}", "BEGIN:VEVENT\nUID:u\n".repeat(100_000));
    let _outcome = parse(deep.as_bytes());
    let many =
        format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", "BEGIN:VEVENT\nEND:VEVENT\n".repeat(100_000));
    let _outcome = parse(many.as_bytes());
    let long = event(&format!("SUMMARY:{}", "x".repeat(1_000_000)));
    let calendar = parse(long.as_bytes()).unwrap();
    assert!(calendar.events["u"].summary.as_ref().unwrap().len() <= 64 << 10);
}
