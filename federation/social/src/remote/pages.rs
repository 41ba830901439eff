//! What is known here at an address, without asking anybody: ids, and pages for people.
//!
//! Posts have no index by page, which every arriving post would pay for. Ours are named by their
//! pages; those of others are found as Mastodon finds them, by what its family of servers makes of a
//! post's page and id: `/@user/1` is `{id of the user}/statuses/1`. Other pages are asked for at
//! their own servers.

use activitypub::origin::same_origin;
use url::Url;

use super::Resolved;
use crate::store::inbound_accounts::{self, AccountRow};
use crate::store::inbound_posts;
use crate::{PostId, Social, SocialError};

/// What is known at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// An account or a post. Who may see it is for the reader to ask.
    Something(Resolved),
    /// Nothing, and asking elsewhere would lead to nothing: it is ours, or of somebody suspended.
    Nothing,
    /// Perhaps another server knows.
    Unknown,
}

impl Social {
    /// What is known here at an address: the id or the page of an account or a post.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn known_at(&self, url: &Url) -> Result<Known, SocialError> {
        let pool = self.0.spine.pool();
        if let Some(account) = inbound_accounts::by_uri(pool, url.as_str()).await? {
            return Ok(active(&account));
        }
        if let Some(post) = inbound_posts::by_uri(pool, url.as_str()).await? {
            return Ok(Known::Something(Resolved::Post(post)));
        }
        if same_origin(url, &self.0.settings.origin) {
            return self.at_own_page(url).await;
        }
        self.at_page(url).await
    }

    /// What one of our pages shows: `/@user`, `/@user@elsewhere`, and posts below these.
    async fn at_own_page(&self, url: &Url) -> Result<Known, SocialError> {
        let Some(page) = url.path().strip_prefix("/@") else { return Ok(Known::Nothing) };
        let page = page.trim_end_matches('/');
        let (handle, id) = match page.split_once('/') {
            Some((handle, id)) => (handle, Some(id)),
            None => (page, None),
        };
        let (username, domain) = match handle.split_once('@') {
            Some((username, domain)) => (username, Some(domain)),
            None => (handle, None),
        };
        let pool = self.0.spine.pool();
        let Some(account) = inbound_accounts::by_handle(pool, username, domain).await? else {
            return Ok(Known::Nothing);
        };
        let Some(id) = id else { return Ok(active(&account)) };
        let Ok(post) = id.parse::<PostId>() else { return Ok(Known::Nothing) };
        let found = inbound_posts::of_author(pool, post, account.id).await?;
        Ok(found.map_or(Known::Nothing, |post| Known::Something(Resolved::Post(post))))
    }

    /// What a page of another server shows.
    async fn at_page(&self, url: &Url) -> Result<Known, SocialError> {
        let pool = self.0.spine.pool();
        // An account says itself where its page is: only its own server's word counts.
        let origin = format!("{}/", url.origin().ascii_serialization());
        if let Some(account) = inbound_accounts::by_page(pool, url.as_str(), &origin).await? {
            return Ok(active(&account));
        }
        let Some((page, id)) = author_page(url) else { return Ok(Known::Unknown) };
        let Some(author) = inbound_accounts::by_page(pool, page, &origin).await? else {
            return Ok(Known::Unknown);
        };
        let uri = format!("{}/statuses/{id}", author.uri);
        let post = inbound_posts::by_page(pool, &uri, url.as_str()).await?;
        Ok(post.map_or(Known::Unknown, |post| Known::Something(Resolved::Post(post))))
    }
}

fn active(account: &AccountRow) -> Known {
    match account.is_active() {
        true => Known::Something(Resolved::Account(account.id)),
        false => Known::Nothing,
    }
}

/// The author's page and the post's own part of a post's page: `/@user/1` (Mastodon) or
/// `/@user/statuses/1` (GoToSocial).
fn author_page(url: &Url) -> Option<(&str, &str)> {
    if !url.path().starts_with("/@") || url.query().is_some() {
        return None;
    }
    let (page, id) = url.as_str().rsplit_once('/')?;
    let page = page.strip_suffix("/statuses").unwrap_or(page);
    let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_id.then_some((page, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_tells_its_author_and_its_post() {
        let split = |address: &str| {
            let url = Url::parse(address).unwrap();
            author_page(&url).map(|(page, id)| (page.to_owned(), id.to_owned()))
        };
        let wanted = Some(("https://a.example/@bob".to_owned(), "12".to_owned()));
        assert_eq!(split("https://a.example/@bob/12"), wanted);
        assert_eq!(split("https://a.example/@bob/statuses/12"), wanted);
        for none in ["/@bob", "/notice/12", "/@bob/", "/@bob/12?x=1", "/@bob/12#x", "/@bob/a-b"] {
            assert_eq!(split(&format!("https://a.example{none}")), None, "{none}");
        }
    }
}
