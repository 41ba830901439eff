//! Following a feed.

use rss::{ENTRY_KIND, MOST_ENTRIES, PAGE, Rss, SOURCE_KIND};
use serde_json::json;
use sovereign_plugin::connector::Batch;
use sovereign_plugin::testing::{Answer, ScriptedHost, connector_context};
use sovereign_plugin::{Connector, Host, PluginError};

const URL: &str = "https://blog.example/feed.xml";

fn feed(titles: impl IntoIterator<Item = (usize, &'static str)>) -> Answer {
    let items: String = titles
        .into_iter()
        .map(|(id, title)| format!("<item><guid>urn:{id}</guid><title>{title}</title></item>"))
        .collect();
    let body = format!("<rss version=\"2.0\"><channel><title>Blog</title>{items}</channel></rss>");
    Answer::ok("application/rss+xml", body)
}

fn sync(host: &ScriptedHost, cursor: Option<&[u8]>) -> Result<Batch, PluginError> {
    Rss::sync(host, &connector_context(&json!({"url": URL})), cursor)
}

fn ids(batch: &Batch) -> Vec<&str> {
    let entries = batch.records.iter().filter(|record| record.kind == ENTRY_KIND);
    entries.map(|record| record.external_id.as_str()).collect()
}

#[test]
fn only_what_is_new_or_changed_comes() {
    let host = ScriptedHost::new();
    host.on("GET", URL, feed([(1, "one"), (2, "two")]));
    let first = sync(&host, None).unwrap();
    assert_eq!(ids(&first), ["urn:1", "urn:2"]);
    assert_eq!(first.records[0].kind, SOURCE_KIND);
    assert!(!first.more);
    let again = sync(&host, first.next_cursor.as_deref()).unwrap();
    assert!(again.records.is_empty(), "nothing changed");
    assert_eq!(again.next_cursor, first.next_cursor);

    host.forget_script();
    host.on("GET", URL, feed([(3, "three"), (2, "two, corrected")]));
    let changed = sync(&host, again.next_cursor.as_deref()).unwrap();
    assert_eq!(ids(&changed), ["urn:3", "urn:2"]);
    assert_ne!(changed.records[1].revision, first.records[2].revision);
}

#[test]
fn validators_of_the_last_time_are_sent() {
    let host = ScriptedHost::new();
    let first = feed([(1, "one")]).header("ETag", "\"a\"").header("Last-Modified", "yesterday");
    host.on("GET", URL, first);
    host.on("GET", URL, Answer::status(304).header("Cache-Control", "public, max-age=7200"));
    let batch = sync(&host, None).unwrap();
    let batch = sync(&host, batch.next_cursor.as_deref()).unwrap();
    assert!(batch.records.is_empty() && !batch.more);
    assert_eq!(batch.next_sync_after, Some(host.now() + 7_200_000));
    let headers = &host.requests()[1].headers;
    assert!(headers.contains(&("if-none-match".to_owned(), "\"a\"".to_owned())));
    assert!(headers.contains(&("if-modified-since".to_owned(), "yesterday".to_owned())));
    assert!(batch.next_cursor.is_some());
}

#[test]
fn a_long_feed_comes_in_pages_without_loss_or_repeat() {
    let host = ScriptedHost::new();
    host.on("GET", URL, feed((0..250).map(|id| (id, "x"))).header("ETag", "\"a\""));
    let (mut cursor, mut seen, mut pages) = (None, Vec::new(), 0);
    loop {
        let batch = sync(&host, cursor.as_deref()).unwrap();
        assert!(ids(&batch).len() <= PAGE);
        seen.extend(ids(&batch).into_iter().map(str::to_owned));
        cursor = batch.next_cursor;
        pages += 1;
        if !batch.more {
            break;
        }
    }
    assert_eq!((pages, seen.len()), (3, 250));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 250);
    for request in &host.requests() {
        assert!(request.headers.iter().all(|(name, _)| name != "if-none-match"), "between pages");
    }
}

#[test]
fn the_cursor_of_the_longest_feed_is_one_that_a_node_takes() {
    let host = ScriptedHost::new();
    host.on("GET", URL, feed((0..MOST_ENTRIES + 10).map(|id| (id, "x"))));
    let (mut cursor, mut sent) = (None, 0);
    loop {
        let batch = sync(&host, cursor.as_deref()).unwrap();
        sent += ids(&batch).len();
        cursor = batch.next_cursor;
        assert!(cursor.as_ref().unwrap().len() < 64 << 10);
        if !batch.more {
            break;
        }
    }
    assert_eq!(sent, MOST_ENTRIES);
}

#[test]
fn a_feed_that_changes_at_each_request_comes_to_an_end() {
    let host = ScriptedHost::new();
    for title in ["a", "b", "c", "d", "e"] {
        host.on("GET", URL, feed((0..250).map(|id| (id, title))));
    }
    let mut cursor = None;
    for page in 1.. {
        let batch = sync(&host, cursor.as_deref()).unwrap();
        cursor = batch.next_cursor;
        if !batch.more {
            assert_eq!(page, 3);
            break;
        }
    }
}

#[test]
fn another_address_is_another_feed() {
    let host = ScriptedHost::new();
    host.on("GET", URL, feed([(1, "one")]).header("ETag", "\"a\""));
    let batch = sync(&host, None).unwrap();
    let other = "https://other.example/feed";
    host.on("GET", other, feed([(1, "one")]));
    let context = connector_context(&json!({"url": other}));
    let batch = Rss::sync(&host, &context, batch.next_cursor.as_deref()).unwrap();
    assert_eq!(ids(&batch), ["urn:1"]);
    assert!(host.requests()[1].headers.iter().all(|(name, _)| name != "if-none-match"));
}

#[test]
fn what_went_wrong_is_told_apart() {
    let outcome = |answer: Answer| {
        let host = ScriptedHost::new();
        host.on("GET", URL, answer);
        sync(&host, None).unwrap_err()
    };
    assert!(matches!(outcome(Answer::status(404)), PluginError::Failed(_)));
    assert!(matches!(outcome(Answer::status(401)), PluginError::BadConfig(_)));
    assert!(
        matches!(outcome(Answer::status(403)), PluginError::Failed(_)),
        "it may pass by itself"
    );
    let busy = outcome(Answer::status(429).header("Retry-After", "Thu, 01 Jan 2026 00:01:00 GMT"));
    assert!(matches!(busy, PluginError::Retry(after) if after.seconds == Some(60)));
    assert!(matches!(outcome(Answer::ok("text/html", "<html></html>")), PluginError::Failed(_)));
    let host = ScriptedHost::new();
    for config in [json!({}), json!({"url": "ftp://a"}), json!({"url": "https://u:p@a/"})] {
        let outcome = Rss::sync(&host, &connector_context(&config), None);
        assert!(matches!(outcome, Err(PluginError::BadConfig(_))), "{config}");
    }
    assert_eq!(sync(&host, Some(b"{")), Err(PluginError::CursorExpired));
}

#[test]
fn what_the_bytes_are_is_told_by_the_feed_or_else_by_http() {
    let title = |content_type: &str, declaration: &str, title: &[u8]| {
        let mut body = format!("{declaration}<rss version=\"2.0\"><channel><title>").into_bytes();
        body.extend_from_slice(title);
        body.extend_from_slice(b"</title></channel></rss>");
        let host = ScriptedHost::new();
        host.on("GET", URL, Answer::ok(content_type, body));
        let batch = sync(&host, None).unwrap();
        let source: serde_json::Value = serde_json::from_slice(&batch.records[0].payload).unwrap();
        source["title"].as_str().unwrap().to_owned()
    };
    let moscow = b"\xcc\xee\xf1\xea\xe2\xe0";
    let windows = "text/xml; charset=windows-1251";
    assert_eq!(
        title(windows, "<?xml version=\"1.0\"?>", moscow),
        "\u{41c}\u{43e}\u{441}\u{43a}\u{432}\u{430}"
    );
    let declared = "<?xml version=\"1.0\" encoding=\"windows-1251\"?>";
    assert_eq!(
        title("text/xml; charset=utf-8", declared, moscow),
        "\u{41c}\u{43e}\u{441}\u{43a}\u{432}\u{430}"
    );
    assert_eq!(title("text/xml", "", b"Gr\xfcn \x80"), "Gr\u{fc}n \u{20ac}");
    assert_eq!(
        title(windows, "", "Gr\u{fc}n".as_bytes()),
        "Gr\u{fc}n",
        "plain UTF-8 is what it is"
    );
}
