//! Filters on words. The node keeps none yet: clients get valid empty lists of these.

use serde::Serialize;

use super::Timestamp;

/// A group of words and posts that someone does not want to see.
#[derive(Clone, Debug, Serialize)]
pub struct Filter {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: String,
    /// Where it holds: `home`, `notifications`, `public`, `thread`, `account`.
    pub context: Vec<&'static str>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// `warn`, `hide` or `blur`.
    pub filter_action: &'static str,
    /// The words.
    pub keywords: Vec<FilterKeyword>,
    /// The posts.
    pub statuses: Vec<FilterStatus>,
}

/// A word of a filter.
#[derive(Clone, Debug, Serialize)]
pub struct FilterKeyword {
    /// Its id.
    pub id: String,
    /// The word.
    pub keyword: String,
    /// Whether it must stand alone.
    pub whole_word: bool,
}

/// A post of a filter.
#[derive(Clone, Debug, Serialize)]
pub struct FilterStatus {
    /// Its id.
    pub id: String,
    /// The post's id.
    pub status_id: String,
}

/// Why a post is filtered.
#[derive(Clone, Debug, Serialize)]
pub struct FilterResult {
    /// The filter.
    pub filter: Filter,
    /// The words that match.
    pub keyword_matches: Vec<String>,
    /// The posts that match.
    pub status_matches: Vec<String>,
}
