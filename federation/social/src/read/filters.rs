//! Filters, and what they hold back. The node says which of a viewer's filters a post meets; where
//! they hold, and what then happens, is for the client, as on Mastodon.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use regex::{Regex, RegexBuilder};

use super::entities::{Filter, FilterKeyword, FilterResult, FilterStatus, Timestamp};
use super::views::PostView;
use crate::store::filters::{self as store, FilterRow, KeywordRow};
use crate::text::plain_text;
use crate::{AccountId, FilterId, FilterKeywordId, FilterPostId, PostId, Social, SocialError};

/// Bytes that the pattern of one filter may take.
const LARGEST_PATTERN: usize = 8 << 20;

impl Social {
    /// The viewer's filters, oldest first, those that ended too.
    ///
    /// # Errors
    /// The store failed.
    pub async fn filters(&self, viewer: AccountId) -> Result<Vec<Filter>, SocialError> {
        let rows = store::filters(self.spine().pool(), &[viewer.number()], None).await?;
        Ok(rows.into_iter().map(whole).collect())
    }

    /// One of the viewer's filters.
    ///
    /// # Errors
    /// Not found (or another's), or the store failed.
    pub async fn filter(&self, viewer: AccountId, id: FilterId) -> Result<Filter, SocialError> {
        let rows =
            store::filters(self.spine().pool(), &[viewer.number()], Some(id.number())).await?;
        rows.into_iter().next().map(whole).ok_or(SocialError::NotFound)
    }

    /// The viewer's filter that has this word.
    ///
    /// # Errors
    /// Not found (or another's), or the store failed.
    pub async fn filter_with_keyword(
        &self,
        viewer: AccountId,
        keyword: FilterKeywordId,
    ) -> Result<Filter, SocialError> {
        let pool = self.spine().pool();
        let id = store::of_keyword(pool, viewer.number(), keyword.number()).await?;
        self.filter(viewer, FilterId::from_number(id.ok_or(SocialError::NotFound)?)).await
    }

    /// The viewer's filter that has this entry of a post.
    ///
    /// # Errors
    /// Not found (or another's), or the store failed.
    pub async fn filter_with_post(
        &self,
        viewer: AccountId,
        entry: FilterPostId,
    ) -> Result<Filter, SocialError> {
        let pool = self.spine().pool();
        let id = store::of_post(pool, viewer.number(), entry.number()).await?;
        self.filter(viewer, FilterId::from_number(id.ok_or(SocialError::NotFound)?)).await
    }

    /// What these viewers hold back, from the cache where it still holds; nobody without filters.
    pub(super) async fn held_back(
        &self,
        viewers: HashSet<AccountId>,
    ) -> Result<HashMap<AccountId, Arc<HeldBack>>, SocialError> {
        let cache = &self.0.cache;
        let mut found = HashMap::new();
        let mut missing = Vec::new();
        for viewer in viewers {
            match cache.held_back(viewer) {
                Some(filters) => drop(found.insert(viewer, filters)),
                None => missing.push(viewer.number()),
            }
        }
        if !missing.is_empty() {
            let mark = cache.epochs().mark();
            let mut rows: HashMap<i64, Vec<FilterRow>> = HashMap::new();
            for row in store::filters(self.spine().pool(), &missing, None).await? {
                rows.entry(row.account_id).or_default().push(row);
            }
            for number in missing {
                let viewer = AccountId::from_number(number);
                let filters = rows.remove(&number).unwrap_or_default();
                let filters = Arc::new(HeldBack::new(filters));
                cache.keep_held_back(mark, viewer, &filters);
                found.insert(viewer, filters);
            }
        }
        found.retain(|_, filters| !filters.0.is_empty());
        Ok(found)
    }
}

/// What one person holds back.
pub(crate) struct HeldBack(Vec<Ready>);

/// A filter ready to be compared with posts.
struct Ready {
    /// As results show it: without its words and posts.
    filter: Filter,
    expires_at: Option<DateTime<Utc>>,
    words: Option<Regex>,
    posts: HashSet<PostId>,
}

impl HeldBack {
    fn new(rows: Vec<FilterRow>) -> Self {
        Self(rows.into_iter().map(Ready::new).collect())
    }

    /// About how many bytes it takes.
    pub fn weight(&self) -> usize {
        let one = |ready: &Ready| {
            let pattern = ready.words.as_ref().map_or(0, |words| 4_096 + words.as_str().len() * 64);
            512 + pattern + ready.posts.len() * 16
        };
        self.0.iter().map(one).sum()
    }

    /// The filters that a post meets.
    pub fn results(&self, view: &PostView, now: DateTime<Utc>) -> Vec<FilterResult> {
        let active = |ready: &&Ready| ready.expires_at.is_none_or(|end| end > now);
        let mut text = None;
        self.0
            .iter()
            .filter(active)
            .filter_map(|ready| {
                let words = ready
                    .words
                    .as_ref()
                    .and_then(|words| words.find(text.get_or_insert_with(|| searched_text(view))));
                let is_held = ready.posts.contains(&view.body.id);
                if words.is_none() && !is_held {
                    return None;
                }
                Some(FilterResult {
                    filter: ready.filter.clone(),
                    keyword_matches: words.map(|found| vec![found.as_str().to_owned()]),
                    status_matches: is_held.then(|| vec![view.body.id]),
                })
            })
            .collect()
    }
}

impl Ready {
    fn new(row: FilterRow) -> Self {
        let words = pattern(&row.keywords).and_then(|pattern| {
            let built = RegexBuilder::new(&pattern)
                .case_insensitive(true)
                .size_limit(LARGEST_PATTERN)
                .build();
            match built {
                Ok(words) => Some(words),
                Err(error) => {
                    tracing::error!(filter.id = row.id, %error, "a filter's words are not used");
                    None
                }
            }
        });
        let posts = row.posts.iter().map(|post| PostId::from_number(post.post_id)).collect();
        let expires_at = row.expires_at;
        let filter = Filter { keywords: None, statuses: None, ..whole(row) };
        Self { filter, expires_at, words, posts }
    }
}

/// Any of the words, each at the borders of words where it must stand alone.
fn pattern(keywords: &[KeywordRow]) -> Option<String> {
    let word = |row: &KeywordRow| {
        let is_word = |end: Option<char>| end.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let text = row.keyword.trim();
        let border = |end| if row.whole_word && is_word(end) { r"\b" } else { "" };
        let (before, after) = (border(text.chars().next()), border(text.chars().next_back()));
        format!("{before}{}{after}", regex::escape(text))
    };
    let words: Vec<String> = keywords.iter().map(word).collect();
    (!words.is_empty()).then(|| words.join("|"))
}

/// What words are looked for in: warning, text, descriptions, options of a poll.
fn searched_text(view: &PostView) -> String {
    let mut text = view.body.spoiler_text.clone();
    text.push('\n');
    text.push_str(&plain_text(&view.body.content));
    let descriptions =
        view.body.media_attachments.iter().filter_map(|media| media.description.as_deref());
    let options = view.poll.iter().flat_map(|poll| poll.titles());
    for part in descriptions.chain(options) {
        text.push('\n');
        text.push_str(part);
    }
    text
}

fn whole(row: FilterRow) -> Filter {
    Filter {
        id: FilterId::from_number(row.id),
        title: row.title,
        context: row.contexts,
        expires_at: row.expires_at.map(Timestamp),
        filter_action: row.action,
        keywords: Some(
            row.keywords
                .0
                .into_iter()
                .map(|word| FilterKeyword {
                    id: FilterKeywordId::from_number(word.id),
                    keyword: word.keyword,
                    whole_word: word.whole_word,
                })
                .collect(),
        ),
        statuses: Some(
            row.posts
                .0
                .into_iter()
                .map(|post| FilterStatus {
                    id: FilterPostId::from_number(post.id),
                    status_id: PostId::from_number(post.post_id),
                })
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(keyword: &str, whole_word: bool, text: &str) -> bool {
        let row = KeywordRow { id: 1, keyword: keyword.to_owned(), whole_word };
        let built = RegexBuilder::new(&pattern(&[row]).unwrap()).case_insensitive(true).build();
        built.unwrap().is_match(text)
    }

    #[test]
    fn words_stand_alone_where_they_must() {
        assert!(finds("cat", false, "conCATenate"));
        assert!(!finds("cat", true, "concatenate"));
        assert!(finds("cat", true, "A Cat, no dog"));
        assert!(finds("#cat", true, "so #cat"), "a border only where a letter is");
        assert!(finds("a.b", false, "a.b") && !finds("a.b", false, "axb"));
        assert!(finds("straße", true, "die STRAßE"));
    }
}
