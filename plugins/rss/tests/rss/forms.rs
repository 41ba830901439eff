//! One form for all feeds.

use rss::{Enclosure, parse};
use sovereign_plugin::PluginError;

const NOW: u64 = 1_767_225_600_000;
const URL: &str = "https://blog.example/news/feed.xml";

const RSS: &str = r#"<?xml version="1.0"?><rss version="2.0"><channel>
  <title>Blog</title><link>https://blog.example/</link><description>d</description>
  <language>de-AT</language><ttl>60</ttl>
  <item><title>One</title><link>/one</link><guid isPermaLink="false">id-1</guid>
    <pubDate>Thu, 01 Jan 2025 10:00:00 GMT</pubDate><description>&lt;p&gt;Hi&lt;/p&gt;</description>
    <category>a</category><category>b</category>
    <enclosure url="one.mp3" type="audio/mpeg" length="123"/></item>
  <item><title>No id, but a link</title><link>https://blog.example/two</link></item>
  <item><title>Neither</title></item>
  <item><title>In the year 3000</title><guid>id-4</guid><pubDate>Wed, 01 Jan 3000 10:00:00 GMT</pubDate></item>
  <item><title>One again</title><guid isPermaLink="false">id-1</guid></item>
</channel></rss>"#;

#[test]
fn rss_has_ids_absolute_links_and_files() {
    let feed = parse(RSS.as_bytes(), URL, NOW).unwrap();
    assert_eq!(feed.ttl_minutes, Some(60));
    assert_eq!(feed.source.id, "https://blog.example/");
    assert_eq!(feed.source.home.as_deref(), Some("https://blog.example/"));
    assert_eq!(feed.source.language.as_deref(), Some("de-at"));
    let ids: Vec<&str> = feed.entries.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(ids.len(), 4, "an id counts once");
    assert_eq!((ids[0], ids[1], ids[3]), ("id-1", "https://blog.example/two", "id-4"));
    assert_eq!(ids[2].len(), 32, "a hash");
    let one = &feed.entries[0];
    assert_eq!(one.links[0].href, "https://blog.example/one");
    let file = Enclosure {
        href: "https://blog.example/news/one.mp3".to_owned(),
        media_type: Some("audio/mpeg".to_owned()),
        length: Some(123),
    };
    assert_eq!(one.enclosures, [file]);
    assert_eq!(one.categories, ["a", "b"]);
    assert_eq!(one.source.title.as_deref(), Some("Blog"));
    assert_eq!(feed.entries[3].published, None, "a time that cannot be true");
    let json = serde_json::to_value(one).unwrap();
    assert_eq!(json["published"], "2025-01-01T10:00:00Z");
}

#[test]
fn atom_and_json_feed_have_the_same_form() {
    let atom = r#"<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:feed</id><title>A</title>
      <updated>2025-01-01T00:00:00Z</updated><entry><id>urn:1</id><title>T</title>
      <updated>2025-01-02T00:00:00Z</updated><author><name>Ann</name><email>ann@a.example</email></author>
      <link href="/x"/><content type="html">&lt;b&gt;x&lt;/b&gt;</content></entry></feed>"#;
    let feed = parse(atom.as_bytes(), URL, NOW).unwrap();
    let entry = &feed.entries[0];
    assert_eq!((feed.source.id.as_str(), entry.id.as_str()), ("urn:feed", "urn:1"));
    assert_eq!(entry.content_html.as_deref(), Some("<b>x</b>"));
    assert_eq!(entry.authors[0].email.as_deref(), Some("ann@a.example"));

    let json = r#"{"version":"https://jsonfeed.org/version/1.1","title":"J","home_page_url":"https://j.example/",
      "items":[{"id":"1","url":"/y","content_html":"<i>y</i>","date_published":"2025-01-02T00:00:00Z"}]}"#;
    let feed = parse(json.as_bytes(), URL, NOW).unwrap();
    let entry = &feed.entries[0];
    assert_eq!((entry.id.as_str(), entry.links[0].href.as_str()), ("1", "https://blog.example/y"));
    assert_eq!(entry.content_html.as_deref(), Some("<i>y</i>"));
}

#[test]
fn what_is_no_feed_says_why() {
    for (body, word) in [
        ("", "empty"),
        ("<!DOCTYPE html><html><body>404</body></html>", "web page"),
        ("just words", "well-formed"),
        ("<rss version=\"2.0\"><channel><title>a</title><item></channel></rss>", "well-formed"),
        ("{\"version\":\"1\"", "well-formed"),
        ("{}", "well-formed"),
    ] {
        let outcome = parse(body.as_bytes(), URL, NOW);
        assert!(
            matches!(&outcome, Err(PluginError::Failed(text)) if text.contains(word)),
            "{body}: {outcome:?}"
        );
    }
}

#[test]
fn long_content_is_cut_between_characters() {
    let body = format!(
        "<feed xmlns=\"http://www.w3.org/2005/Atom\"><id>f</id><entry><id>1</id><content type=\"html\">{}</content></entry></feed>",
        "ü".repeat(600_000)
    );
    let feed = parse(body.as_bytes(), URL, NOW).unwrap();
    let entry = &feed.entries[0];
    assert!(entry.truncated);
    assert_eq!(entry.content_html.as_ref().unwrap().len(), 512 << 10);
}
