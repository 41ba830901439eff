//! What is remembered from one call to the next.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sovereign_plugin::fingerprint;

/// How many digits of an id's hash are kept. The node takes cursors of 64 KiB, and a feed has at most
/// [`MOST_ENTRIES`](crate::document::MOST_ENTRIES) entries of some 30 bytes here.
const ID_DIGITS: usize = 12;
/// How many digits of a revision are kept.
const REVISION_DIGITS: usize = 8;
/// Marks an entry that went with the pages of a pass that is not at its end.
const IN_PASS: char = '+';

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// The feed that it is about.
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_minutes: Option<u32>,
    /// The revision of the feed's own record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Entries that were in the feed when it was last read, by hash of the id: their revisions. Each is
    /// sent once in a pass, so that a feed which changes at each request comes to an end, too.
    #[serde(default)]
    entries: BTreeMap<String, String>,
}

impl Cursor {
    /// The cursor for this feed: one about another feed is of no use.
    pub fn about(self, url: &str) -> Self {
        if self.url == url { self } else { Self { url: url.to_owned(), ..Self::default() } }
    }

    /// Whether a part of the feed has been sent, and the rest is to come.
    pub fn is_between_pages(&self) -> bool {
        self.entries.values().any(|known| known.starts_with(IN_PASS))
    }

    /// Whether an entry need not be sent.
    pub fn knows(&self, id: &str, revision: &str) -> bool {
        self.entries
            .get(&short(id))
            .is_some_and(|known| known.starts_with(IN_PASS) || *known == cut(revision))
    }

    /// An entry goes with this page.
    pub fn sent(&mut self, id: &str, revision: &str) {
        self.entries.insert(short(id), format!("{IN_PASS}{}", cut(revision)));
    }

    /// The whole feed was sent: what it does not hold any more is forgotten.
    pub fn end_pass<'a>(&mut self, present: impl Iterator<Item = &'a str>) {
        let present: BTreeSet<String> = present.map(short).collect();
        self.entries.retain(|id, _| present.contains(id));
        for known in self.entries.values_mut() {
            if let Some(revision) = known.strip_prefix(IN_PASS) {
                *known = revision.to_owned();
            }
        }
    }
}

fn short(id: &str) -> String {
    fingerprint(id.as_bytes()).chars().take(ID_DIGITS).collect()
}

fn cut(revision: &str) -> String {
    revision.chars().take(REVISION_DIGITS).collect()
}
