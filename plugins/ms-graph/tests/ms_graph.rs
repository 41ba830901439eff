//! The connector against a scripted Microsoft Graph.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

use ms_graph::MsGraph;
use serde_json::{Value, json};
use sovereign_plugin::connector::{Batch, Operation};
use sovereign_plugin::testing::{Answer, ScriptedHost, connector_context};
use sovereign_plugin::{Auth, Connector, HttpError, PluginError};

const API: &str = "https://graph.microsoft.com/v1.0";
const MAIL: &str = "https://graph.microsoft.com/v1.0/me/mailFolders/inbox/messages/delta?%24filter=receivedDateTime%20ge%202025-10-03T00%3A00%3A00Z";
const CALENDAR: &str = "https://graph.microsoft.com/v1.0/me/calendarView/delta?startDateTime=2025-10-03T00%3A00%3A00Z&endDateTime=2027-01-01T00%3A00%3A00Z";
const CONTACTS: &str = "https://graph.microsoft.com/v1.0/me/contacts/delta";

fn link(name: &str) -> String {
    format!("{API}/{name}")
}

fn page(ids: &[&str], next: Option<&str>, delta: Option<&str>) -> Answer {
    let value: Vec<Value> =
        ids.iter().map(|id| json!({"id": id, "changeKey": format!("k-{id}")})).collect();
    let mut body = json!({"value": value});
    if let Some(next) = next {
        body["@odata.nextLink"] = link(next).into();
    }
    if let Some(delta) = delta {
        body["@odata.deltaLink"] = link(delta).into();
    }
    Answer::status(200).json(&body)
}

fn gone() -> Answer {
    Answer::status(410).json(&json!({"error": {"code": "syncStateNotFound", "message": "m"}}))
}

fn sync(host: &ScriptedHost, cursor: Option<&[u8]>) -> Result<Batch, PluginError> {
    MsGraph::sync(host, &connector_context(&json!({})), cursor)
}

/// All pages of a pass.
fn pass(host: &ScriptedHost, mut cursor: Option<Vec<u8>>) -> (Vec<String>, Option<Vec<u8>>) {
    let mut records = Vec::new();
    for _ in 0..20 {
        let batch = sync(host, cursor.as_deref()).unwrap();
        records.extend(batch.records.into_iter().map(|record| {
            let gone = if record.operation == Operation::Delete { "-" } else { "" };
            format!("{gone}{}", record.external_id)
        }));
        cursor = batch.next_cursor;
        if !batch.more {
            return (records, cursor);
        }
    }
    panic!("the pass does not end");
}

fn first_pages(host: &ScriptedHost) {
    host.on("GET", MAIL, page(&["m1", "m2"], Some("mail-2"), None));
    host.on("GET", &link("mail-2"), page(&["m3"], None, Some("mail-delta")));
    host.on("GET", CALENDAR, page(&["e1"], None, Some("calendar-delta")));
    host.on("GET", CONTACTS, page(&["c1"], None, Some("contacts-delta")));
}

#[test]
fn pages_follow_each_other_and_then_what_changed() {
    let host = ScriptedHost::new();
    first_pages(&host);
    let (records, cursor) = pass(&host, None);
    assert_eq!(records, ["m1", "m2", "m3", "e1", "c1"]);

    let removed = json!({"value": [{"id": "m1", "@removed": {"reason": "deleted"}}],
                         "@odata.deltaLink": link("mail-delta-2")});
    host.on("GET", &link("mail-delta"), Answer::status(200).json(&removed));
    host.on("GET", &link("calendar-delta"), page(&[], None, Some("calendar-delta")));
    host.on("GET", &link("contacts-delta"), page(&["c2"], None, Some("contacts-delta-2")));
    let (records, cursor) = pass(&host, cursor);
    assert_eq!(records, ["-m1", "c2"]);

    host.on("GET", &link("mail-delta-2"), page(&[], None, Some("mail-delta-2")));
    host.on("GET", &link("contacts-delta-2"), page(&[], None, Some("contacts-delta-2")));
    assert!(pass(&host, cursor).0.is_empty());
}

#[test]
fn a_page_is_asked_for_as_graph_wants_it_and_goes_on_untouched() {
    let host = ScriptedHost::new();
    let item = r#"{"id":"m1","@odata.etag":"W/\"1\"","lastModifiedDateTime":"2025-12-31T23:59:59Z",  "n":1.10}"#;
    let body = format!(r#"{{"value":[{item}],"@odata.nextLink":"{}"}}"#, link("2"));
    host.on("GET", MAIL, Answer::ok("application/json", body));
    let batch = sync(&host, None).unwrap();
    assert!(batch.more);
    let record = &batch.records[0];
    assert_eq!(record.payload, item.as_bytes());
    assert_eq!(record.revision.as_deref(), Some("W/\"1\""));
    assert_eq!(
        (record.kind.as_str(), record.source_time),
        ("ms-graph.message/1", Some(1_767_225_599_000))
    );
    let request = &host.requests()[0];
    assert_eq!(request.auth, Auth::Bearer("graph".to_owned()));
    let prefer: Vec<&str> =
        request.headers.iter().filter(|(n, _)| n == "prefer").map(|(_, v)| v.as_str()).collect();
    assert_eq!(
        prefer,
        ["outlook.timezone=\"UTC\"", "IdType=\"ImmutableId\"", "odata.maxpagesize=50"]
    );
}

#[test]
fn an_expired_link_restarts_its_resource_alone() {
    let host = ScriptedHost::new();
    first_pages(&host);
    let (_, cursor) = pass(&host, None);
    host.on("GET", &link("mail-delta"), gone());
    host.on("GET", &link("calendar-delta"), page(&[], None, Some("calendar-delta")));
    host.on("GET", &link("contacts-delta"), page(&[], None, Some("contacts-delta")));
    let (records, _) = pass(&host, cursor);
    assert_eq!(records, ["m1", "m2", "m3"]);
}

#[test]
fn an_expired_link_may_name_where_to_begin_again() {
    let host = ScriptedHost::new();
    first_pages(&host);
    let (_, cursor) = pass(&host, None);
    host.on("GET", &link("mail-delta"), gone().header("Location", &link("mail-again")));
    host.on("GET", &link("mail-again"), page(&["m9"], None, Some("mail-delta-3")));
    host.on("GET", &link("calendar-delta"), page(&[], None, Some("calendar-delta")));
    host.on("GET", &link("contacts-delta"), page(&[], None, Some("contacts-delta")));
    assert_eq!(pass(&host, cursor).0, ["m9"]);
}

#[test]
fn a_resource_that_is_gone_from_the_beginning_is_an_error() {
    let host = ScriptedHost::new();
    host.on("GET", MAIL, gone());
    assert!(matches!(sync(&host, None), Err(PluginError::Failed(_))));
}

#[test]
fn a_busy_service_is_asked_again_when_it_says() {
    for status in [429, 503] {
        let host = ScriptedHost::new();
        host.on("GET", MAIL, Answer::status(status).header("Retry-After", "17"));
        let outcome = sync(&host, None);
        assert!(matches!(&outcome, Err(PluginError::Retry(after)) if after.seconds == Some(17)));
    }
    let host = ScriptedHost::new();
    host.on("GET", MAIL, Answer::status(401));
    assert!(matches!(sync(&host, None), Err(PluginError::Unauthorized(_))));
}

#[test]
fn a_link_to_another_host_is_not_followed() {
    let host = ScriptedHost::new();
    let body = json!({"value": [], "@odata.nextLink": "https://evil.example/v1.0/next"});
    host.on("GET", MAIL, Answer::status(200).json(&body));
    let batch = sync(&host, None).unwrap();
    let outcome = sync(&host, batch.next_cursor.as_deref());
    assert!(matches!(&outcome, Err(PluginError::Failed(text)) if text.contains("evil.example")));
    assert_eq!(host.requests().len(), 1);
}

#[test]
fn the_calendar_gets_another_window_after_a_week() {
    let host = ScriptedHost::new();
    first_pages(&host);
    let (_, cursor) = pass(&host, None);
    for name in ["mail", "calendar", "contacts"] {
        let delta = format!("{name}-delta");
        host.on("GET", &link(&delta), page(&[], None, Some(&delta)));
    }
    host.advance(8 * 24 * 60 * 60 * 1000);
    let (_, cursor) = pass(&host, cursor);
    let moved = CALENDAR.replace("2025-10-03", "2025-10-11").replace("2027-01-01", "2027-01-09");
    host.on("GET", &moved, page(&["e2"], None, Some("calendar-2")));
    // Between the last look at the window before and the first at the next one, something was deleted.
    let removed = json!({"value": [{"id": "e1", "@removed": {"reason": "deleted"}}],
                         "@odata.deltaLink": link("calendar-delta")});
    host.on("GET", &link("calendar-delta"), Answer::status(200).json(&removed));
    host.on("GET", &link("calendar-2"), page(&["e3"], None, Some("calendar-2")));
    let (records, cursor) = pass(&host, cursor);
    assert_eq!(records, ["e2", "-e1"]);
    assert_eq!(pass(&host, cursor).0, ["e3"], "from now on by the link of the next window");
}

#[test]
fn a_window_that_is_over_may_be_forgotten_by_the_service() {
    let host = ScriptedHost::new();
    first_pages(&host);
    let (_, cursor) = pass(&host, None);
    for name in ["mail", "calendar", "contacts"] {
        let delta = format!("{name}-delta");
        host.on("GET", &link(&delta), page(&[], None, Some(&delta)));
    }
    host.advance(8 * 24 * 60 * 60 * 1000);
    let (_, cursor) = pass(&host, cursor);
    let moved = CALENDAR.replace("2025-10-03", "2025-10-11").replace("2027-01-01", "2027-01-09");
    host.on("GET", &moved, page(&["e2"], None, Some("calendar-2")));
    host.on("GET", &link("calendar-delta"), gone());
    host.on("GET", &link("calendar-2"), page(&["e3"], None, Some("calendar-2")));
    let (records, cursor) = pass(&host, cursor);
    assert_eq!(records, ["e2"]);
    assert_eq!(pass(&host, cursor).0, ["e3"]);
}

/// A calendar of one page with these items, and nothing else.
fn calendar_of(host: &ScriptedHost, items: Value) -> Vec<(String, Value)> {
    let body = json!({"value": items, "@odata.deltaLink": link("calendar-delta")});
    host.on("GET", CALENDAR, Answer::status(200).json(&body));
    let context = connector_context(&json!({"resources": ["calendar"]}));
    let batch = MsGraph::sync(host, &context, None).unwrap();
    let read = |payload: &[u8]| serde_json::from_slice(payload).unwrap();
    batch.records.iter().map(|r| (r.external_id.clone(), read(&r.payload))).collect()
}

fn stub(id: &str, master: &str) -> Value {
    json!({"id": id, "type": "occurrence", "seriesMasterId": master,
           "start": {"dateTime": "2026-01-05T09:00:00.0000000", "timeZone": "UTC"}})
}

#[test]
fn occurrences_have_what_their_series_has() {
    let host = ScriptedHost::new();
    let master = json!({"id": "s1", "type": "seriesMaster", "subject": "Standup", "iCalUId": "uid-1",
                        "recurrence": {"pattern": {}}, "start": {"dateTime": "2025-01-06T09:00:00.0000000"}});
    // A master's id may hold what addresses give a meaning to.
    let fetched = json!({"id": "s/2=", "type": "seriesMaster", "subject": "Lunch"});
    host.on("GET", &link("me/events/s%2F2="), Answer::status(200).json(&fetched));
    let exception =
        json!({"id": "x1", "type": "exception", "seriesMasterId": "s1", "subject": "Moved"});
    let records = calendar_of(
        &host,
        json!([stub("o1", "s1"), master, stub("o2", "s/2="), stub("o3", "s/2="), exception]),
    );
    let of = |id: &str| &records.iter().find(|(known, _)| known == id).unwrap().1;
    assert_eq!((&of("o1")["subject"], &of("o1")["id"]), (&json!("Standup"), &json!("o1")));
    assert_eq!(of("o1")["start"]["dateTime"], "2026-01-05T09:00:00.0000000");
    assert_eq!(of("o1").get("iCalUId"), None, "an occurrence is not the series");
    assert_eq!(of("o1").get("recurrence"), None);
    assert_eq!((&of("o2")["subject"], &of("o3")["subject"]), (&json!("Lunch"), &json!("Lunch")));
    assert_eq!(of("s1")["recurrence"], json!({"pattern": {}}));
    assert_eq!(of("x1")["subject"], "Moved");
    assert_eq!(host.requests().len(), 2, "a master is asked for once");
}

#[test]
fn a_series_that_cannot_be_had_costs_no_page_and_one_that_is_busy_costs_a_wait() {
    let host = ScriptedHost::new();
    host.on("GET", &link("me/events/s1"), Answer::status(404));
    let records = calendar_of(&host, json!([stub("o1", "s1")]));
    assert_eq!(records[0].1.get("subject"), None);

    let host = ScriptedHost::new();
    host.on("GET", &link("me/events/s1"), Answer::status(429).header("Retry-After", "9"));
    let body = json!({"value": [stub("o1", "s1")], "@odata.deltaLink": link("calendar-delta")});
    host.on("GET", CALENDAR, Answer::status(200).json(&body));
    let context = connector_context(&json!({"resources": ["calendar"]}));
    let outcome = MsGraph::sync(&host, &context, None);
    assert!(matches!(&outcome, Err(PluginError::Retry(after)) if after.seconds == Some(9)));
}

#[test]
fn more_series_than_can_be_asked_for_do_not_break_the_limits_of_a_call() {
    let host = ScriptedHost::new();
    let stubs: Vec<Value> = (0..50).map(|n| stub(&format!("o{n}"), &format!("s{n}"))).collect();
    for n in 0..50 {
        let master = json!({"id": format!("s{n}"), "subject": "Series"});
        host.on("GET", &link(&format!("me/events/s{n}")), Answer::status(200).json(&master));
    }
    let records = calendar_of(&host, json!(stubs));
    assert_eq!(records.len(), 50);
    assert_eq!(host.requests().len(), 41);
    assert_eq!(records[39].1["subject"], "Series");
}

#[test]
fn a_link_that_expired_may_be_told_in_words_only() {
    let host = ScriptedHost::new();
    first_pages(&host);
    let (_, cursor) = pass(&host, None);
    let words = json!({"error": {"code": "SyncStateInvalid", "message": "m"}});
    host.on("GET", &link("mail-delta"), Answer::status(400).json(&words));
    host.on("GET", &link("calendar-delta"), page(&[], None, Some("calendar-delta")));
    host.on("GET", &link("contacts-delta"), page(&[], None, Some("contacts-delta")));
    assert_eq!(pass(&host, cursor).0, ["m1", "m2", "m3"]);
}

#[test]
fn a_page_that_is_too_large_is_asked_for_in_parts() {
    let host = ScriptedHost::new();
    host.on_failure("GET", MAIL, HttpError::TooLarge(1 << 30));
    host.on("GET", MAIL, page(&["m1"], None, Some("mail-delta")));
    let batch = sync(&host, None).unwrap();
    assert!(batch.more && batch.records.is_empty());
    let batch = sync(&host, batch.next_cursor.as_deref()).unwrap();
    assert_eq!(batch.records.len(), 1);
    let size = |headers: &[(String, String)]| headers.last().unwrap().1.clone();
    let sizes = host.requests().iter().map(|r| size(&r.headers)).collect::<Vec<_>>();
    assert_eq!(sizes, ["odata.maxpagesize=50", "odata.maxpagesize=12"]);
}

#[test]
fn only_what_the_person_chose_is_read() {
    let host = ScriptedHost::new();
    host.on("GET", "https://graph.example/beta/me/contacts/delta", {
        let body =
            json!({"value": [{"id": "c"}], "@odata.deltaLink": "https://graph.example/beta/d"});
        Answer::status(200).json(&body)
    });
    let config = json!({"base_url": "https://graph.example/beta/", "resources": ["contacts"]});
    let batch = MsGraph::sync(&host, &connector_context(&config), None).unwrap();
    assert_eq!((batch.records.len(), batch.more), (1, false));
    for config in [json!({"resources": ["files"]}), json!({"base_url": "x"}), json!({"other": 1})] {
        let outcome = MsGraph::sync(&host, &connector_context(&config), None);
        assert!(matches!(outcome, Err(PluginError::BadConfig(_))), "{config}");
    }
}

#[test]
fn a_cursor_of_another_form_begins_again() {
    assert_eq!(sync(&ScriptedHost::new(), Some(b"?")), Err(PluginError::CursorExpired));
}
