//! Documents as Meilisearch has them.

use chrono::DateTime;
use contracts::access::SpaceId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::Document;
use crate::highlight::{Highlight, Part, push};

/// What is searched, the weightiest first.
pub(super) const SEARCHED: &[&str] = &["title", "people", "keywords", "text"];
/// What an answer holds: all but the text, which is shown by its matches only.
pub(super) const RETRIEVED: &[&str] = &[
    "id", "version", "type", "space", "labels", "title", "people", "keywords", "when", "url",
    "language", "recorded",
];

/// A document. Times are Unix seconds, which it can compare; `recorded_at` is exact.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    id: Uuid,
    version: u32,
    r#type: String,
    space: SpaceId,
    labels: Vec<String>,
    title: String,
    #[serde(default)]
    text: String,
    people: Vec<String>,
    keywords: Vec<String>,
    when: Option<i64>,
    url: Option<String>,
    language: Option<String>,
    /// Microseconds.
    recorded: i64,
}

impl Stored {
    pub(super) fn of(document: &Document) -> Self {
        let document = document.clone();
        Self {
            id: document.id,
            version: document.version,
            r#type: document.r#type,
            space: document.space,
            labels: document.labels,
            title: document.title,
            text: document.text,
            people: document.people,
            keywords: document.keywords,
            when: document.when.map(|when| when.timestamp()),
            url: document.url,
            language: document.language,
            recorded: document.recorded_at.timestamp_micros(),
        }
    }

    /// `None` where it holds a time that is none.
    pub(super) fn into_document(self) -> Option<Document> {
        Some(Document {
            id: self.id,
            version: self.version,
            r#type: self.r#type,
            space: self.space,
            labels: self.labels,
            title: self.title,
            text: self.text,
            people: self.people,
            keywords: self.keywords,
            when: self.when.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            url: self.url,
            language: self.language,
            recorded_at: DateTime::from_timestamp_micros(self.recorded)?,
        })
    }
}

/// The matches of a hit, from its formatted form: texts in which `begin` and `end` stand around them.
pub(super) fn marked(formatted: &Map<String, Value>, begin: char, end: char) -> Vec<Highlight> {
    let mut found = Vec::new();
    for field in ["title", "text", "people", "keywords"] {
        let texts: Vec<&str> = match formatted.get(field) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        for text in texts.into_iter().filter(|text| text.contains(begin)).take(5) {
            found.push(Highlight { field: field.to_owned(), parts: parts(text, begin, end) });
        }
    }
    found
}

fn parts(text: &str, begin: char, end: char) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut marked = false;
    for piece in text.split_inclusive([begin, end]) {
        push(&mut parts, piece.trim_end_matches([begin, end]), marked);
        match piece.chars().last() {
            Some(last) if last == begin => marked = true,
            Some(last) if last == end => marked = false,
            _ => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_parts() {
        let text = "at the \u{e000}dent\u{e001}ist <b>";
        let parts = parts(text, '\u{e000}', '\u{e001}');
        let shown: Vec<_> = parts.iter().map(|part| (part.text.as_str(), part.marked)).collect();
        assert_eq!(shown, [("at the ", false), ("dent", true), ("ist <b>", false)]);
    }
}
