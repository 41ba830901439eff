//! From feed-rs's model to ours.

use std::collections::BTreeSet;

use feed_rs::model;
use feed_rs::parser::Builder;
use sovereign_plugin::{PluginError, fingerprint};
use url::Url;

use super::{Author, Enclosure, Entry, Feed, Link, Moment, Source, SourceName};

/// The most entries of a feed that are looked at: the first, which are the newest in nearly all.
pub const MOST_ENTRIES: usize = 1500;
/// The most bytes of an entry's content that are kept, and of any other text.
const LONGEST_CONTENT: usize = 512 << 10;
const LONGEST_TEXT: usize = 64 << 10;
/// The most links, authors, categories or enclosures of an entry.
const MOST_PARTS: usize = 100;
/// The most bytes of an id, as other services store it; a longer one is replaced by its hash.
const LONGEST_ID: usize = 1024;

/// Reads a feed that came from `url`; `now` is in milliseconds since 1970.
///
/// # Errors
/// [`PluginError::Failed`] says what is wrong with it.
pub fn parse(body: &[u8], url: &str, now: u64) -> Result<Feed, PluginError> {
    let parser = Builder::new()
        .base_uri(Some(url))
        .sanitize_content(false)
        .id_generator(|links, _title, _uri| own_page(links).unwrap_or_default())
        .build();
    let feed = parser.parse(body).map_err(|error| PluginError::failed(reason(body, &error)))?;
    Ok(Converter { base: Url::parse(url).ok(), now }.feed(feed, url))
}

/// Why it cannot be read, for the person who gave the address.
fn reason(body: &[u8], error: &feed_rs::parser::ParseFeedError) -> String {
    let start = String::from_utf8_lossy(&body[..body.len().min(1024)]).to_ascii_lowercase();
    let start = start.trim_start_matches('\u{feff}').trim_start();
    if start.is_empty() {
        "the feed is empty".to_owned()
    } else if start.starts_with("<!doctype html") || start.starts_with("<html") {
        "there is a web page at this address, not a feed".to_owned()
    } else {
        format!("this is not a well-formed feed: {error}")
    }
}

/// The entry's own page among its links.
fn own_page(links: &[model::Link]) -> Option<String> {
    let own = |link: &&model::Link| matches!(link.rel.as_deref(), None | Some("alternate"));
    let link = links.iter().find(own).or(links.first())?;
    Some(link.href.clone())
}

struct Converter {
    base: Option<Url>,
    now: u64,
}

impl Converter {
    fn feed(&self, feed: model::Feed, url: &str) -> Feed {
        let home = own_page(&feed.links).and_then(|href| self.absolute(&href));
        // feed-rs takes the first link where there is no id, and that may be the home page.
        let id = if feed.id.is_empty() { url.to_owned() } else { bounded_id(feed.id) };
        let source = Source {
            title: feed.title.and_then(text),
            url: url.to_owned(),
            home,
            description: feed.description.and_then(text),
            language: feed.language.map(|language| cut(language.trim().to_owned(), 64).0),
            updated: feed.updated.or(feed.published).and_then(|time| self.moment(time)),
            id,
        };
        let name = SourceName { id: source.id.clone(), title: source.title.clone() };
        let left_out = feed.entries.len().saturating_sub(MOST_ENTRIES);
        let mut seen = BTreeSet::new();
        let entries = feed
            .entries
            .into_iter()
            .take(MOST_ENTRIES)
            .map(|entry| self.entry(entry, &name))
            .filter(|entry| seen.insert(entry.id.clone()))
            .collect();
        Feed { source, entries, left_out, ttl_minutes: feed.ttl }
    }

    fn entry(&self, entry: model::Entry, source: &SourceName) -> Entry {
        let enclosures = self.enclosures(&entry);
        let (content_html, truncated) = content(entry.content);
        let is_link = |link: &&model::Link| link.rel.as_deref() != Some("enclosure");
        let mut converted = Entry {
            id: bounded_id(entry.id),
            title: entry.title.and_then(text),
            links: entry
                .links
                .iter()
                .filter(is_link)
                .filter_map(|link| {
                    Some(Link { href: self.absolute(&link.href)?, rel: link.rel.clone() })
                })
                .take(MOST_PARTS)
                .collect(),
            summary: entry.summary.and_then(text),
            content_html,
            truncated,
            published: entry.published.and_then(|time| self.moment(time)),
            updated: entry.updated.and_then(|time| self.moment(time)),
            authors: entry
                .authors
                .into_iter()
                .filter_map(|person| self.author(person))
                .take(MOST_PARTS)
                .collect(),
            categories: entry
                .categories
                .into_iter()
                .map(|category| cut(category.label.unwrap_or(category.term), 256).0)
                .filter(|category| !category.trim().is_empty())
                .take(MOST_PARTS)
                .collect(),
            enclosures,
            source: source.clone(),
        };
        if converted.id.is_empty() {
            converted.id = made_id(&converted);
        }
        converted
    }

    fn author(&self, person: model::Person) -> Option<Author> {
        let filled = |value: Option<String>| {
            value.map(|value| cut(value.trim().to_owned(), 512).0).filter(|v| !v.is_empty())
        };
        let author = Author {
            name: filled(person.name),
            uri: filled(person.uri).and_then(|uri| self.absolute(&uri)),
            email: filled(person.email),
        };
        (author.name.is_some() || author.uri.is_some() || author.email.is_some()).then_some(author)
    }

    /// Files come as links (Atom), as `enclosure` and as Media RSS: each address once.
    fn enclosures(&self, entry: &model::Entry) -> Vec<Enclosure> {
        let linked = entry.links.iter().filter(|link| link.rel.as_deref() == Some("enclosure"));
        let linked = linked.map(|link| Enclosure {
            href: link.href.clone(),
            media_type: link.media_type.clone(),
            length: link.length,
        });
        let media = entry.media.iter().flat_map(|media| &media.content);
        let media = media.filter_map(|content| {
            Some(Enclosure {
                href: content.url.as_ref()?.to_string(),
                media_type: content.content_type.as_ref().map(ToString::to_string),
                length: content.size,
            })
        });
        let mut seen = BTreeSet::new();
        linked
            .chain(media)
            .filter_map(|file| Some(Enclosure { href: self.absolute(&file.href)?, ..file }))
            .filter(|file| seen.insert(file.href.clone()))
            .take(MOST_PARTS)
            .collect()
    }

    fn moment(&self, time: chrono::DateTime<chrono::Utc>) -> Option<Moment> {
        Moment::new(time, self.now)
    }

    /// A web address, or one of mail or telephone, made absolute; none for anything that is not.
    fn absolute(&self, href: &str) -> Option<String> {
        let href = href.trim();
        if href.is_empty() || href.len() > 8192 {
            return None;
        }
        let url = match &self.base {
            Some(base) => base.join(href),
            None => Url::parse(href),
        };
        let url = url.ok()?;
        matches!(url.scheme(), "http" | "https" | "mailto" | "tel" | "magnet").then(|| url.into())
    }
}

/// The content as HTML: text is escaped. Whether it was cut.
fn content(content: Option<model::Content>) -> (Option<String>, bool) {
    let Some(content) = content else { return (None, false) };
    let Some(body) = content.body.filter(|body| !body.trim().is_empty()) else {
        return (None, false);
    };
    let (body, was_cut) = cut(body, LONGEST_CONTENT);
    let media_type = content.content_type.essence().to_string();
    match media_type.as_str() {
        "text/plain" => (Some(escape(&body)), was_cut),
        // Anything else in an Atom content is data of some other kind, such as a picture in base64.
        kind if kind.contains("html") || kind.contains("xml") => (Some(body), was_cut),
        _ => (None, false),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn text(text: model::Text) -> Option<String> {
    let (text, _) = cut(text.content.trim().to_owned(), LONGEST_TEXT);
    (!text.is_empty()).then_some(text)
}

/// An entry with neither id nor link is known by what it says, and when.
fn made_id(entry: &Entry) -> String {
    let published = entry.published.map(Moment::milliseconds);
    let body = entry.summary.as_ref().or(entry.content_html.as_ref());
    fingerprint(format!("{:?}\n{published:?}\n{body:?}", entry.title).as_bytes())
}

fn bounded_id(id: String) -> String {
    let id = id.trim().replace('\0', "");
    if id.len() > LONGEST_ID { fingerprint(id.as_bytes()) } else { id }
}

/// The text without NUL, which databases refuse, and not longer than so many bytes. Whether it was
/// cut.
fn cut(mut text: String, longest: usize) -> (String, bool) {
    if text.contains('\0') {
        text = text.replace('\0', "");
    }
    if text.len() <= longest {
        return (text, false);
    }
    text.truncate(text.floor_char_boundary(longest));
    (text, true)
}
