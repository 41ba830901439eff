//! What is left of something deleted.

use chrono::{DateTime, Utc};
use serde_json::Value;
use url::Url;

use super::VocabularyError;
use super::read::Document;

/// A deleted object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// The id of what was deleted.
    pub id: Url,
    /// When.
    pub deleted: Option<DateTime<Utc>>,
}

impl Tombstone {
    /// Whether a document is one.
    pub fn is_tombstone(value: &Value) -> bool {
        Document::part(value).is_some_and(|document| document.is("Tombstone"))
    }

    /// Reads a tombstone.
    pub fn parse(value: &Value) -> Result<Self, VocabularyError> {
        let document = Document::root(value)?;
        if !document.is("Tombstone") {
            return Err(VocabularyError::UnexpectedType(document.type_name()));
        }
        Ok(Self { id: document.id()?, deleted: document.time("deleted") })
    }
}
