//! The feed in one form, whatever form it came in.

mod convert;
mod moment;

use serde::{Deserialize, Serialize};

pub use convert::{MOST_ENTRIES, parse};
pub use moment::Moment;

/// A feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Feed {
    /// The feed itself.
    pub source: Source,
    /// Its entries, each id once, in the feed's order.
    pub entries: Vec<Entry>,
    /// How many entries were too many.
    pub left_out: usize,
    /// How long it may be cached.
    pub ttl_minutes: Option<u32>,
}

/// The payload of `feed.source/1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The feed's id; its address where it has none.
    pub id: String,
    /// Its title.
    pub title: Option<String>,
    /// Its address.
    pub url: String,
    /// The page that it belongs to.
    pub home: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// Its language (BCP 47), in small letters.
    pub language: Option<String>,
    /// When it changed.
    pub updated: Option<Moment>,
}

/// The payload of `feed.entry/1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The entry's id; its link where it has none, a hash where it has no link.
    pub id: String,
    /// The title.
    pub title: Option<String>,
    /// Where it leads, absolute.
    pub links: Vec<Link>,
    /// The summary, as text or as HTML.
    pub summary: Option<String>,
    /// The content as HTML, as it came: not cleaned.
    pub content_html: Option<String>,
    /// The content was cut, because it was very long.
    #[serde(default, skip_serializing_if = "is_false")]
    pub truncated: bool,
    /// When it appeared.
    pub published: Option<Moment>,
    /// When it changed.
    pub updated: Option<Moment>,
    /// Who wrote it.
    pub authors: Vec<Author>,
    /// What it is about.
    pub categories: Vec<String>,
    /// Files that belong to it, such as the sound of a podcast.
    pub enclosures: Vec<Enclosure>,
    /// The feed that it came in.
    pub source: SourceName,
}

/// Where an entry leads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The address.
    pub href: String,
    /// What is there (RFC 8288): none is the entry's own page.
    pub rel: Option<String>,
}

/// Who wrote an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Author {
    /// The name.
    pub name: Option<String>,
    /// Their page.
    pub uri: Option<String>,
    /// Their mail address.
    pub email: Option<String>,
}

/// A file that belongs to an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Enclosure {
    /// Its address.
    pub href: String,
    /// What it is.
    pub media_type: Option<String>,
    /// Its size in bytes.
    pub length: Option<u64>,
}

/// Which feed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceName {
    /// Its id, as in its own record.
    pub id: String,
    /// Its title.
    pub title: Option<String>,
}

fn is_false(value: &bool) -> bool {
    !value
}
