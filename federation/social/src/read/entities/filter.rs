//! Filters: what someone does not want to read.

use serde::Serialize;

use super::Timestamp;
use crate::{FilterId, FilterKeywordId, FilterPostId, PostId};

/// A group of words and posts that someone does not want to see.
#[derive(Clone, Debug, Serialize)]
pub struct Filter {
    /// Its id.
    pub id: FilterId,
    /// Its name.
    pub title: String,
    /// Where it holds: `home`, `notifications`, `public`, `thread`, `account`.
    pub context: Vec<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// `warn`, `hide` or `blur`.
    pub filter_action: String,
    /// The words. Absent in results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keywords: Option<Vec<FilterKeyword>>,
    /// The posts. Absent in results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statuses: Option<Vec<FilterStatus>>,
}

/// A word of a filter.
#[derive(Clone, Debug, Serialize)]
pub struct FilterKeyword {
    /// Its id.
    pub id: FilterKeywordId,
    /// The word.
    pub keyword: String,
    /// Whether it must stand alone.
    pub whole_word: bool,
}

/// A post of a filter.
#[derive(Clone, Debug, Serialize)]
pub struct FilterStatus {
    /// Its id.
    pub id: FilterPostId,
    /// The post's id.
    pub status_id: PostId,
}

/// Why a post is filtered.
#[derive(Clone, Debug, Serialize)]
pub struct FilterResult {
    /// The filter.
    pub filter: Filter,
    /// The text that its words match.
    pub keyword_matches: Option<Vec<String>>,
    /// The post, where the filter names it.
    pub status_matches: Option<Vec<PostId>>,
}

/// A word of a filter as older clients know filters (`/api/v1/filters`).
#[derive(Clone, Debug, Serialize)]
pub struct FilterV1 {
    /// The word's id.
    pub id: FilterKeywordId,
    /// The word.
    pub phrase: String,
    /// Where it holds.
    pub context: Vec<String>,
    /// Whether it must stand alone.
    pub whole_word: bool,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Whether what it meets is hidden for good.
    pub irreversible: bool,
}

impl Filter {
    /// Its words as older clients know filters.
    pub fn v1(&self) -> impl Iterator<Item = FilterV1> {
        self.keywords.iter().flatten().map(|word| FilterV1 {
            id: word.id,
            phrase: word.keyword.clone(),
            context: self.context.clone(),
            whole_word: word.whole_word,
            expires_at: self.expires_at,
            irreversible: self.filter_action == "hide",
        })
    }
}
