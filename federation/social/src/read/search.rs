//! Search: by handle and name, by hashtag, by words, by address.

use activitypub::vocabulary::parse_url;
use url::Url;

use super::entities::{Account, Search, Shared};
use super::timelines::tag_name;
use crate::remote::{Known, Resolved};
use crate::store::read_search::{self, Part};
use crate::{AccountId, PostId, Social, SocialError};

/// Longest text that is searched for, in characters.
const LONGEST: usize = 500;

/// What to search for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// The text: words, a handle, a hashtag, an address.
    pub q: String,
    /// Only this kind of thing.
    pub kind: Option<SearchKind>,
    /// Whether to ask other servers for a handle or an address that is not known here. Only for people, never for strangers.
    pub resolve: bool,
    /// Only accounts that the asker follows.
    pub following: bool,
    /// How many of each kind: default 20, at most 40.
    pub limit: Option<u32>,
    /// How many to skip; only together with `kind`.
    pub offset: u32,
}

/// A kind of thing to search for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchKind {
    /// Accounts.
    Accounts,
    /// Hashtags.
    Hashtags,
    /// Posts.
    Statuses,
}

impl SearchQuery {
    /// The part of the matches that is wanted.
    fn part(&self) -> Part {
        let offset = if self.kind.is_some() { self.offset.min(10_000) } else { 0 };
        Part { offset: offset.into(), limit: self.limit.unwrap_or(20).clamp(1, 40).into() }
    }
}

impl Social {
    /// Finds accounts, hashtags and posts. Posts: only what `viewer` may find, that is its own,
    /// those that name it, those it marked, and public ones of authors who allow it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn search(
        &self,
        viewer: Option<AccountId>,
        query: &SearchQuery,
    ) -> Result<Search, SocialError> {
        let mut found = Search::default();
        let text = query.q.trim();
        if text.is_empty() || text.chars().count() > LONGEST {
            return Ok(found);
        }
        let wants = |kind| query.kind.is_none_or(|wanted| wanted == kind);
        if let Some(address) = as_address(text) {
            self.find_address(viewer, query, &address, &mut found).await?;
            return Ok(found);
        }
        let (handle, is_tag) = (as_handle(text), text.starts_with('#'));
        if wants(SearchKind::Accounts) && !is_tag {
            found.accounts = self.search_accounts(viewer, query).await?;
        }
        if wants(SearchKind::Hashtags) && handle.is_none() && !text.contains(char::is_whitespace) {
            let prefix = tag_name(text);
            let names = read_search::tags(self.spine().pool(), &prefix, query.part()).await?;
            found.hashtags = self.tag_views(viewer, &names).await?;
        }
        if let Some(viewer) = viewer
            && wants(SearchKind::Statuses)
            && handle.is_none()
            && !is_tag
        {
            let (words, by) = self.words_and_author(viewer, text).await?;
            let asker = self.asker(Some(viewer));
            let pool = self.spine().pool();
            let part = query.part();
            let rows = read_search::posts(pool, asker, viewer.number(), &words, by, part).await?;
            let ids: Vec<PostId> = rows.into_iter().map(PostId::from_number).collect();
            found.statuses = self.assemble(Some(viewer), &ids).await?;
        }
        Ok(found)
    }

    /// Finds accounts only (`/api/v1/accounts/search`).
    ///
    /// # Errors
    /// The store failed.
    pub async fn search_accounts(
        &self,
        viewer: Option<AccountId>,
        query: &SearchQuery,
    ) -> Result<Vec<Shared<Account>>, SocialError> {
        let text = query.q.trim().trim_start_matches('@').to_lowercase();
        if text.is_empty() || text.chars().count() > LONGEST {
            return Ok(Vec::new());
        }
        let (username, domain) = match text.split_once('@') {
            Some((username, domain)) => (username, Some(domain)),
            None => (text.as_str(), None),
        };
        // Our own domain is written out by people, and not stored.
        let is_ours = domain == Some(self.settings().domain().to_lowercase().as_str());
        let prefix = if is_ours { Some("") } else { domain };
        let asker = self.asker(viewer);
        let rows = read_search::accounts(
            self.spine().pool(),
            asker,
            (username, prefix),
            &text,
            query.following,
            query.part(),
        )
        .await?;
        let mut ids: Vec<AccountId> = rows.into_iter().map(AccountId::from_number).collect();
        if let Some(handle) = as_handle(&query.q)
            && query.offset == 0
            && !query.following
            && let Some(exact) = self.exact_account(viewer, query, &handle).await?
        {
            ids.retain(|id| *id != exact);
            ids.insert(0, exact);
        }
        ids.truncate(usize::try_from(query.part().limit).unwrap_or(usize::MAX));
        self.accounts_in_order(&ids).await
    }

    /// The account of this very handle; asked for at its own server where that is wanted and
    /// allowed. A server that does not answer is no failure of the search.
    async fn exact_account(
        &self,
        viewer: Option<AccountId>,
        query: &SearchQuery,
        handle: &str,
    ) -> Result<Option<AccountId>, SocialError> {
        if let Some(known) = self.find_acct(handle).await? {
            return Ok(Some(known));
        }
        if !query.resolve || viewer.is_none() {
            return Ok(None);
        }
        match self.resolve_handle(handle).await {
            Ok(account) => Ok(account),
            Err(error) if error.is_unavailable() => Err(error),
            Err(error) => {
                tracing::debug!(%error, "a handle could not be resolved");
                Ok(None)
            }
        }
    }

    /// The post or account at this address, known or (where wanted and allowed) fetched.
    async fn find_address(
        &self,
        viewer: Option<AccountId>,
        query: &SearchQuery,
        address: &Url,
        found: &mut Search,
    ) -> Result<(), SocialError> {
        let there = match self.known_at(address).await? {
            Known::Something(known) => Some(known),
            Known::Unknown if query.resolve && viewer.is_some() => {
                match self.ask_for_address(address).await {
                    Ok(there) => there,
                    Err(error) if error.is_unavailable() => return Err(error),
                    Err(error) => {
                        tracing::debug!(%error, "an address could not be resolved");
                        None
                    }
                }
            }
            Known::Unknown | Known::Nothing => None,
        };
        let wants = |kind| query.kind.is_none_or(|wanted| wanted == kind);
        match there {
            // Leaves out what the viewer may not see.
            Some(Resolved::Post(id)) if wants(SearchKind::Statuses) => {
                found.statuses = self.assemble(viewer, &[id]).await?;
            }
            Some(Resolved::Account(id)) if wants(SearchKind::Accounts) => {
                found.accounts = self.accounts_in_order(&[id]).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Splits `from:me` and `from:name` off the words. An unknown name finds nothing.
    async fn words_and_author(
        &self,
        viewer: AccountId,
        text: &str,
    ) -> Result<(String, Option<i64>), SocialError> {
        let mut by = None;
        let mut words = Vec::new();
        for word in text.split_whitespace() {
            match word.strip_prefix("from:") {
                Some("me") => by = Some(viewer.number()),
                Some(name) => by = Some(self.find_acct(name).await?.map_or(0, AccountId::number)),
                None => words.push(word),
            }
        }
        Ok((words.join(" "), by))
    }
}

/// The address that the text is, if it is one.
fn as_address(text: &str) -> Option<Url> {
    parse_url(text)
}

/// The handle that the text is (`@name`, `name@domain`), without the `@` in front.
fn as_handle(text: &str) -> Option<String> {
    let text = text.trim();
    let handle = text.strip_prefix('@').unwrap_or(text);
    let is_handle = text.starts_with('@') || handle.contains('@');
    let is_one_word = !handle.is_empty() && !handle.contains(char::is_whitespace);
    (is_handle && is_one_word && !handle.starts_with('@')).then(|| handle.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_told_from_words() {
        assert_eq!(as_handle("@Alice").as_deref(), Some("alice"));
        assert_eq!(as_handle("alice@a.example").as_deref(), Some("alice@a.example"));
        assert_eq!(as_handle("@alice@a.example").as_deref(), Some("alice@a.example"));
        assert_eq!(as_handle("alice"), None);
        assert_eq!(as_handle("meet @alice today"), None);
        assert_eq!(as_handle("@"), None);
    }

    #[test]
    fn only_web_addresses_are_addresses() {
        assert!(as_address("https://a.example/@b/1").is_some());
        assert!(as_address("file:///etc/passwd").is_none());
        assert!(as_address("from:me").is_none());
    }
}
