//! Reading one property at a time, whatever shape it has.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value};
use url::Url;

use super::{VocabularyError, limits};

const FORBIDDEN_KEYWORDS: [&str; 3] = ["@graph", "@included", "@reverse"];

const NAMESPACES: [&str; 3] =
    ["as:", "https://www.w3.org/ns/activitystreams#", "http://www.w3.org/ns/activitystreams#"];

/// A link that the node may follow or show: http or https, with a host, without credentials, not
/// too long.
pub fn parse_url(text: &str) -> Option<Url> {
    if text.len() > limits::URL_BYTES {
        return None;
    }
    Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "https" | "http")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

/// A JSON object on its way into the vocabulary.
#[derive(Clone, Copy)]
pub(super) struct Document<'a>(&'a Map<String, Value>);

/// A `Link` object or a bare URL.
pub(super) struct Link {
    pub(super) href: Url,
    pub(super) media_type: Option<String>,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
}

impl<'a> Document<'a> {
    /// A whole document: an object without keywords that mislead.
    pub(super) fn root(value: &'a Value) -> Result<Self, VocabularyError> {
        refuse_keywords(value)?;
        Self::part(value).ok_or(VocabularyError::NotAnObject)
    }

    /// An object inside a document that was checked as a whole.
    pub(super) fn part(value: &'a Value) -> Option<Self> {
        value.as_object().map(Self)
    }

    /// The property's values: nothing, one or many, without nulls, at most `cap`.
    pub(super) fn list(self, name: &str, cap: usize) -> Vec<&'a Value> {
        match self.0.get(name) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => {
                items.iter().filter(|item| !item.is_null()).take(cap).collect()
            }
            Some(single) => vec![single],
        }
    }

    /// The property's first value.
    pub(super) fn first(self, name: &str) -> Option<&'a Value> {
        self.list(name, 1).into_iter().next()
    }

    /// The property's values that are objects.
    pub(super) fn parts(self, name: &str, cap: usize) -> Vec<Document<'a>> {
        self.list(name, cap).into_iter().filter_map(Self::part).collect()
    }

    /// The types, without the ActivityStreams namespace.
    pub(super) fn types(self) -> Vec<&'a str> {
        self.list("type", 8)
            .into_iter()
            .filter_map(Value::as_str)
            .map(|name| {
                NAMESPACES.iter().find_map(|space| name.strip_prefix(space)).unwrap_or(name)
            })
            .collect()
    }

    pub(super) fn is(self, name: &str) -> bool {
        self.types().contains(&name)
    }

    /// The first type, for an error's text.
    pub(super) fn type_name(self) -> String {
        cut(self.types().first().copied().unwrap_or_default(), limits::TOKEN)
    }

    /// The document's own id.
    pub(super) fn id(self) -> Result<Url, VocabularyError> {
        self.url("id").ok_or(VocabularyError::Missing("id"))
    }

    /// The property's first value that is or names a URL.
    pub(super) fn url(self, name: &str) -> Option<Url> {
        self.list(name, limits::LINKS).into_iter().find_map(url_of)
    }

    /// The property's values that are or name URLs.
    pub(super) fn urls(self, name: &str, cap: usize) -> Vec<Url> {
        self.list(name, cap).into_iter().filter_map(url_of).collect()
    }

    /// The property's values as links: URLs, or `Link` objects with `href`, or media with `url`.
    pub(super) fn links(self, name: &str) -> Vec<Link> {
        self.list(name, limits::LINKS).into_iter().filter_map(link_of).collect()
    }

    /// Text, cut after `cap` characters; an empty one is absent.
    pub(super) fn text(self, name: &str, cap: usize) -> Option<String> {
        self.list(name, 2).into_iter().find_map(Value::as_str).and_then(|text| clean(text, cap))
    }

    /// Text and its language, from `name` or from the language map beside it (`nameMap`).
    pub(super) fn text_in_language(
        self,
        name: &str,
        cap: usize,
    ) -> (Option<String>, Option<String>) {
        let plain = self.text(name, cap);
        let map_name = format!("{name}Map");
        let Some(map) = self.first(&map_name).and_then(Value::as_object) else {
            return (plain, None);
        };
        let mut translations = map.iter().take(limits::LINKS).filter_map(|(language, text)| {
            Some((clean(language, limits::TOKEN)?, clean(text.as_str()?, cap)?))
        });
        match plain {
            // The language is the one whose text is the text.
            Some(plain) => {
                let language = translations.find(|(_, text)| *text == plain);
                (Some(plain), language.map(|(language, _)| language))
            }
            None => match translations.next() {
                Some((language, text)) => (Some(text), Some(language)),
                None => (None, None),
            },
        }
    }

    pub(super) fn boolean(self, name: &str) -> Option<bool> {
        match self.first(name)? {
            Value::Bool(value) => Some(*value),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// A count. Negative and absurd ones are absent.
    pub(super) fn count(self, name: &str) -> Option<u64> {
        let value = self.first(name)?;
        value
            .as_u64()
            .or_else(|| value.as_str()?.parse().ok())
            .filter(|count| *count <= i64::MAX as u64)
    }

    /// Pixels of a side.
    pub(super) fn pixels(self, name: &str) -> Option<u32> {
        self.count(name).and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0)
    }

    /// A time; one without a zone is taken as UTC.
    pub(super) fn time(self, name: &str) -> Option<DateTime<Utc>> {
        let text = self.first(name)?.as_str()?;
        match DateTime::parse_from_rfc3339(text) {
            Ok(time) => Some(time.to_utc()),
            Err(_) => NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
                .ok()
                .map(|time| time.and_utc()),
        }
    }
}

fn refuse_keywords(value: &Value) -> Result<(), VocabularyError> {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                if FORBIDDEN_KEYWORDS.contains(&key.as_str()) {
                    return Err(VocabularyError::Forbidden(key.clone()));
                }
                refuse_keywords(inner)?;
            }
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(refuse_keywords),
        _ => Ok(()),
    }
}

/// A URL, or an object's id, or a link's target.
pub(super) fn url_of(value: &Value) -> Option<Url> {
    match value {
        Value::String(text) => parse_url(text),
        Value::Object(map) => {
            ["id", "href"].iter().find_map(|name| map.get(*name)?.as_str()).and_then(parse_url)
        }
        _ => None,
    }
}

fn link_of(value: &Value) -> Option<Link> {
    let Some(part) = Document::part(value) else {
        let href = url_of(value)?;
        return Some(Link { href, media_type: None, width: None, height: None });
    };
    Some(Link {
        href: part.url("href").or_else(|| part.url("url"))?,
        media_type: part.text("mediaType", limits::TOKEN),
        width: part.pixels("width"),
        height: part.pixels("height"),
    })
}

/// Text without the character that no database column takes, trimmed and cut.
fn clean(text: &str, cap: usize) -> Option<String> {
    let text = cut(text.trim(), cap);
    let text = if text.contains('\0') { text.replace('\0', "") } else { text };
    (!text.is_empty()).then_some(text)
}

/// At most `cap` characters.
pub(super) fn cut(text: &str, cap: usize) -> String {
    match text.char_indices().nth(cap) {
        None => text.to_owned(),
        Some((end, _)) => text[..end].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(value: &Value) -> Document<'_> {
        Document::root(value).unwrap()
    }

    #[test]
    fn a_property_is_read_in_every_shape() {
        let expected = Url::parse("https://a.example/x").unwrap();
        for shape in [
            json!("https://a.example/x"),
            json!({"id": "https://a.example/x"}),
            json!({"type": "Link", "href": "https://a.example/x"}),
            json!(["https://a.example/x", "https://a.example/y"]),
            json!([null, {"id": "https://a.example/x"}]),
            json!(["javascript:alert(1)", "https://a.example/x"]),
        ] {
            let value = json!({ "p": shape });
            assert_eq!(document(&value).url("p"), Some(expected.clone()), "{value}");
        }
        for shape in [json!(null), json!([]), json!(7), json!({}), json!("x"), json!([null])] {
            let value = json!({ "p": shape });
            assert_eq!(document(&value).url("p"), None, "{value}");
        }
    }

    #[test]
    fn dangerous_links_do_not_count() {
        for text in [
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://a.example/",
            "https://user:pw@a.example/",
            "//a.example/x",
            &format!("https://a.example/{}", "x".repeat(limits::URL_BYTES)),
        ] {
            assert_eq!(parse_url(text), None, "{text}");
        }
    }

    #[test]
    fn misleading_keywords_are_refused_at_any_depth() {
        for value in [
            json!({"@graph": []}),
            json!({"object": {"@included": []}}),
            json!({"object": [{"tag": [{"@reverse": {}}]}]}),
            json!({"@context": [{"x": {"@reverse": "as:y"}}]}),
        ] {
            assert!(matches!(Document::root(&value), Err(VocabularyError::Forbidden(_))));
        }
        assert!(matches!(Document::root(&json!([])), Err(VocabularyError::NotAnObject)));
    }

    #[test]
    fn types_lose_their_namespace() {
        let value =
            json!({"type": ["as:Note", "https://www.w3.org/ns/activitystreams#Article", "Z"]});
        assert_eq!(document(&value).types(), ["Note", "Article", "Z"]);
    }

    #[test]
    fn texts_are_cut_between_characters_and_lose_their_nulls() {
        let value =
            json!({"a": "äöü", "b": " \u{0}x\u{0} ", "c": "  ", "d": null, "e": ["x", "y"]});
        let document = document(&value);
        assert_eq!(document.text("a", 2).as_deref(), Some("äö"));
        assert_eq!(document.text("b", 9).as_deref(), Some("x"));
        assert_eq!(document.text("c", 9), None);
        assert_eq!(document.text("d", 9), None);
        assert_eq!(document.text("e", 9).as_deref(), Some("x"));
    }

    #[test]
    fn a_language_is_found_in_the_map() {
        let value = json!({"content": "hallo", "contentMap": {"en": "hello", "de": "hallo"}});
        let read = document(&value).text_in_language("content", 99);
        assert_eq!(read, (Some("hallo".into()), Some("de".into())));
        let value = json!({"content": null, "contentMap": {"fr": "salut"}});
        let read = document(&value).text_in_language("content", 99);
        assert_eq!(read, (Some("salut".into()), Some("fr".into())));
        let value = json!({"content": "hallo", "contentMap": {"en": "hello"}});
        assert_eq!(document(&value).text_in_language("content", 99).1, None);
    }

    #[test]
    fn times_and_numbers_are_read_with_tolerance() {
        let value = json!({
            "a": "2026-11-22T11:05:37Z", "b": "2026-11-22T12:05:37.123+01:00",
            "c": "2026-11-22T11:05:37", "d": "yesterday",
            "n": 7, "s": "7", "m": -1, "f": "true",
        });
        let document = document(&value);
        assert_eq!(document.time("a"), document.time("c"));
        assert_eq!(document.time("b").unwrap().timestamp(), 1_795_345_537);
        assert_eq!(document.time("d"), None);
        assert_eq!(document.count("n"), Some(7));
        assert_eq!(document.count("s"), Some(7));
        assert_eq!(document.count("m"), None);
        assert_eq!(document.boolean("f"), Some(true));
    }
}
