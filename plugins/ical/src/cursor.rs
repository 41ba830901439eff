//! What is remembered from one call to the next.

use serde::{Deserialize, Serialize};

use crate::snapshot::Snapshot;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// The calendar that it is about.
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_seconds: Option<u64>,
    /// What was sent in the passes that are at their end.
    #[serde(default)]
    pub known: Snapshot,
    /// The pass that is under way, from `known` to what the calendar had at its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<Pass>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    pub target: Snapshot,
    /// The last id that was sent.
    pub after: String,
}

impl Cursor {
    /// The cursor for the calendar at this address. Where that is another than before, what was there is still
    /// known: what the calendar here does not have is gone for whoever subscribed.
    pub fn about(self, url: &str) -> Self {
        if self.url == url {
            self
        } else {
            Self { url: url.to_owned(), known: self.known, ..Self::default() }
        }
    }

    /// Whether a part has been sent, and the rest is to come.
    pub fn is_in_pass(&self) -> bool {
        self.pass.is_some()
    }
}
