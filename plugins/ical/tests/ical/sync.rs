//! Following a calendar.

use std::collections::BTreeSet;

use ical::{Ical, PAGE};
use serde_json::json;
use sovereign_plugin::connector::{Batch, Operation};
use sovereign_plugin::testing::{Answer, ScriptedHost, connector_context};
use sovereign_plugin::{Connector, Host, PluginError};

const URL: &str = "https://club.example/calendar.ics";

fn text(events: impl IntoIterator<Item = (usize, &'static str)>) -> String {
    let events: String = events
        .into_iter()
        .map(|(id, summary)| {
            format!(
                "BEGIN:VEVENT\r\nUID:{id:05}@club.example\r\nSUMMARY:{summary}\r\n\
                 DTSTAMP:20260101T000000Z\r\nDTSTART:20260501T190000Z\r\nEND:VEVENT\r\n"
            )
        })
        .collect();
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n")
}

fn answer(events: impl IntoIterator<Item = (usize, &'static str)>) -> Answer {
    Answer::ok("text/calendar", text(events))
}

fn show(batch: &Batch) -> Vec<String> {
    let name = |id: &str| id.trim_start_matches('0').replace("@club.example", "");
    let records = batch.records.iter().map(|record| match record.operation {
        Operation::Upsert => name(&record.external_id),
        Operation::Delete => format!("-{}", name(&record.external_id)),
    });
    records.collect()
}

/// A whole pass.
fn pass(host: &ScriptedHost, mut cursor: Option<Vec<u8>>) -> (Vec<String>, Option<Vec<u8>>) {
    let mut all = Vec::new();
    for _ in 0..100 {
        let context = connector_context(&json!({"url": URL}));
        let batch = Ical::sync(host, &context, cursor.as_deref()).unwrap();
        assert!(batch.records.len() <= PAGE);
        all.extend(show(&batch));
        cursor = batch.next_cursor;
        if !batch.more {
            return (all, cursor);
        }
    }
    panic!("the pass does not end");
}

#[test]
fn new_changed_and_vanished_events_are_told() {
    let host = ScriptedHost::new();
    host.on("GET", URL, answer([(1, "a"), (2, "b"), (3, "c")]));
    let (records, cursor) = pass(&host, None);
    assert_eq!(records, ["1", "2", "3"]);
    let (records, cursor) = pass(&host, cursor);
    assert!(records.is_empty(), "nothing changed");
    host.forget_script();
    host.on("GET", URL, answer([(2, "b"), (3, "changed"), (4, "d")]));
    let (records, cursor) = pass(&host, cursor);
    assert_eq!(records, ["-1", "3", "4"]);
    assert!(pass(&host, cursor).0.is_empty());
    assert!(host.state_keys("", None, 10).unwrap().is_empty(), "it fits into the cursor");
}

#[test]
fn a_large_calendar_is_remembered_in_the_state() {
    let host = ScriptedHost::new();
    host.on("GET", URL, answer((0..1500).map(|id| (id, "a"))));
    let (records, cursor) = pass(&host, None);
    assert_eq!(records.iter().collect::<BTreeSet<_>>().len(), 1500);
    assert!(cursor.as_ref().unwrap().len() < 1000, "the cursor only names it");
    assert!(pass(&host, cursor.clone()).0.is_empty());

    host.forget_script();
    host.on("GET", URL, answer((300..1600).map(|id| (id, "a"))));
    let (records, cursor) = pass(&host, cursor);
    let gone = records.iter().filter(|record| record.starts_with('-')).count();
    assert_eq!((gone, records.len()), (300, 400));
    assert!(pass(&host, cursor).0.is_empty());
    let generations: BTreeSet<String> = host
        .state_keys("known/", None, 100)
        .unwrap()
        .iter()
        .map(|key| key.rsplit_once('/').unwrap().0.to_owned())
        .collect();
    assert!(generations.len() <= 2, "{generations:?}");
}

#[test]
fn a_page_whose_cursor_got_lost_is_given_again() {
    let host = ScriptedHost::new();
    host.on("GET", URL, answer((0..1500).map(|id| (id, "a"))));
    let context = connector_context(&json!({"url": URL}));
    let first = Ical::sync(&host, &context, None).unwrap();
    let again = Ical::sync(&host, &context, None).unwrap();
    assert_eq!(first, again);
    let second = Ical::sync(&host, &context, first.next_cursor.as_deref()).unwrap();
    let second_again = Ical::sync(&host, &context, first.next_cursor.as_deref()).unwrap();
    assert_eq!(second, second_again);
    let (_, cursor) = pass(&host, second.next_cursor);
    assert!(pass(&host, cursor).0.is_empty());
}

#[test]
fn a_calendar_that_changes_between_pages_loses_nothing() {
    let host = ScriptedHost::new();
    host.on("GET", URL, answer((0..250).map(|id| (id, "a"))));
    host.on("GET", URL, answer((10..260).map(|id| (id, "b"))));
    let (first, cursor) = pass(&host, None);
    let (second, cursor) = pass(&host, cursor);
    let mut have: BTreeSet<String> = BTreeSet::new();
    for record in first.iter().chain(&second) {
        match record.strip_prefix('-') {
            Some(gone) => have.remove(gone),
            None => have.insert(record.clone()),
        };
    }
    let expected: BTreeSet<String> = (10..260).map(|id: usize| id.to_string()).collect();
    assert_eq!(have, expected);
    assert!(pass(&host, cursor).0.is_empty());
}

#[test]
fn what_is_missing_in_a_calendar_that_is_cut_off_is_not_gone() {
    let host = ScriptedHost::new();
    let whole = text([(1, "a"), (2, "b"), (3, "c")]);
    host.on("GET", URL, Answer::ok("text/calendar", whole.clone()));
    host.on("GET", URL, Answer::ok("text/calendar", &whole.as_bytes()[..150]));
    host.on("GET", URL, Answer::ok("text/calendar", whole));
    let (_, cursor) = pass(&host, None);
    let (records, cursor) = pass(&host, cursor);
    assert!(records.iter().all(|record| !record.starts_with('-')), "{records:?}");
    let (records, _) = pass(&host, cursor);
    assert!(records.iter().all(|record| !record.starts_with('-')), "{records:?}");
}

#[test]
fn only_young_events_are_new_and_known_ones_may_grow_old() {
    let host = ScriptedHost::new();
    let old = text([(1, "a")]).replace("DTSTART:2026", "DTSTART:2025");
    host.on("GET", URL, Answer::ok("text/calendar", old));
    let context = connector_context(&json!({"url": URL, "days_back": 30}));
    assert!(Ical::sync(&host, &context, None).unwrap().records.is_empty());

    host.forget_script();
    host.on("GET", URL, answer([(1, "a")]));
    let batch = Ical::sync(&host, &context, None).unwrap();
    assert_eq!(show(&batch), ["1"]);
    host.advance(400 * 24 * 60 * 60 * 1000);
    let batch = Ical::sync(&host, &context, batch.next_cursor.as_deref()).unwrap();
    assert!(batch.records.is_empty(), "it is old, not gone");
}

#[test]
fn validators_are_sent_and_webcal_is_https() {
    let host = ScriptedHost::new();
    host.on("GET", URL, answer([(1, "a")]).header("ETag", "\"e\""));
    host.on("GET", URL, Answer::status(304).header("cache-control", "max-age=600"));
    let context = connector_context(&json!({"url": "webcal://club.example/calendar.ics"}));
    let batch = Ical::sync(&host, &context, None).unwrap();
    let batch = Ical::sync(&host, &context, batch.next_cursor.as_deref()).unwrap();
    assert_eq!(batch.next_sync_after, Some(host.now() + 600_000));
    let headers = &host.requests()[1].headers;
    assert!(headers.contains(&("if-none-match".to_owned(), "\"e\"".to_owned())));
}

#[test]
fn at_another_address_only_what_differs_is_told() {
    let host = ScriptedHost::new();
    host.on("GET", URL, answer([(1, "a"), (2, "b")]).header("ETag", "\"e\""));
    let (_, cursor) = pass(&host, None);
    let other = "https://club.example/2026.ics";
    host.on("GET", other, answer([(2, "b"), (3, "c")]));
    let context = connector_context(&json!({"url": other}));
    let batch = Ical::sync(&host, &context, cursor.as_deref()).unwrap();
    assert_eq!(show(&batch), ["-1", "3"]);
    let headers = &host.requests()[1].headers;
    assert!(headers.iter().all(|(name, _)| name != "if-none-match"), "that was of the other");
}

#[test]
fn a_malformed_calendar_changes_nothing() {
    let host = ScriptedHost::new();
    host.on("GET", URL, Answer::ok("text/html", "<html>sign in</html>"));
    let outcome = Ical::sync(&host, &connector_context(&json!({"url": URL})), None);
    assert!(matches!(outcome, Err(PluginError::Failed(_))), "{outcome:?}");
}
