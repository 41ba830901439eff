//! Documents: how they are written, and which are refused.

use chrono::{DateTime, Utc};
use rules::document::{
    DOCUMENT_BYTES, DocumentError, LocalSchedule, MediaType, Schedule, Span, read, schema,
};

const RULE: &str = "
name: Partner calls at work
on:
  - type: communication.CallStarted.v1
    where: { data.from.name: Jo }
when:
  - state(\"location\").place == \"Work\"
for: 5m
do:
  - message: { to: event.data.from.address, text: \"At work, {{ event.data.from.name }}\" }
  - message: { to: +431234567, text: on }
";

#[test]
fn yaml_and_json_are_one_shape() {
    let yaml = read(RULE.as_bytes(), MediaType::Yaml).unwrap();
    let json = serde_json::to_string(&yaml).unwrap();
    assert_eq!(read(json.as_bytes(), MediaType::Json).unwrap(), yaml);
    assert_eq!(yaml.on[0].guards["data.from.name"], "Jo");
    assert!(yaml.enabled);
    assert!(json.contains("\"+431234567\"") && json.contains("\"text\":\"on\""), "{json}");
    assert!(schema()["properties"]["do"].is_object());
}

#[test]
fn an_alias_bomb_is_refused_quickly() {
    let layers = |indent: &str| {
        let mut bomb = format!("{indent}a: &a [x,x,x,x,x,x,x,x,x]\n");
        for (name, before) in ('b'..='j').zip('a'..='i') {
            let aliases = vec![format!("*{before}"); 9].join(",");
            bomb.push_str(&format!("{indent}{name}: &{name} [{aliases}]\n"));
        }
        bomb
    };
    let started = std::time::Instant::now();
    let top = format!("name: x\ndo: []\n{}on: *j\n", layers(""));
    assert!(read(top.as_bytes(), MediaType::Yaml).is_err());
    // Inside a place that takes anything, too.
    let inside = format!(
        "name: x\non: [{{type: a.B}}]\ndo:\n- emit:\n    name: x\n    data:\n{}",
        layers("      ")
    );
    assert!(read(inside.as_bytes(), MediaType::Yaml).is_err());
    assert!(started.elapsed().as_secs() < 2);
}

#[test]
fn what_is_no_rule_is_refused_with_a_word_about_where() {
    let unknown = read(b"{\"name\":\"x\",\"do\":[],\"then\":1}", MediaType::Json).unwrap_err();
    assert!(unknown.to_string().contains("then"), "{unknown}");
    assert!(matches!(read(b"{", MediaType::Json), Err(DocumentError::Syntax(_))));
    assert!(read(b"name: [", MediaType::Yaml).is_err());
    assert!(read(b"name: x\nthen: 1\ndo: []\n", MediaType::Yaml).is_err());
    let large = vec![b' '; DOCUMENT_BYTES + 1];
    assert_eq!(read(&large, MediaType::Yaml), Err(DocumentError::TooLarge));
    let deep = format!("name: x\ndo: {}{}\n", "[".repeat(5_000), "]".repeat(5_000));
    assert!(read(deep.as_bytes(), MediaType::Yaml).is_err());
}

#[test]
fn a_span_is_read_as_people_write_it() {
    for (text, seconds) in [("90s", 90), ("10m", 600), ("1h30m", 5_400), ("2d", 172_800)] {
        assert_eq!(text.parse::<Span>().unwrap().duration().as_secs(), seconds, "{text}");
    }
    assert_eq!("90s".parse::<Span>().unwrap().to_string(), "1m30s");
    for nonsense in ["", "5", "m", "0s", "-5m", "1m1h", "400d", "1h 5m", "99999999999s", "1m1m"] {
        assert!(nonsense.parse::<Span>().is_err(), "{nonsense}");
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn a_schedule_runs_in_utc_or_in_local_time() {
    let now = at("2026-07-01T00:30:00Z");
    let utc = Schedule::Utc("0 7 * * *".to_owned());
    assert_eq!(utc.next_after(now).unwrap(), at("2026-07-01T07:00:00Z"));
    let local = |zone: &str| {
        Schedule::Local(LocalSchedule { cron: "0 7 * * *".to_owned(), zone: zone.to_owned() })
    };
    assert_eq!(local("Europe/Vienna").next_after(now).unwrap(), at("2026-07-01T05:00:00Z"));
    assert!(local("Mars/Olympus").next_after(now).is_err());
    for nonsense in ["", "* * * * * *", "61 * * * *", "0 0 30 2 *"] {
        assert!(Schedule::Utc(nonsense.to_owned()).next_after(now).is_err(), "{nonsense}");
    }
}
