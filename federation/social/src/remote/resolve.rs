//! From what a person pastes into the search field to an account or a post.

use activitypub::vocabulary::{Actor, Post, parse_url};
use activitypub::webfinger::Handle;
use spine::Cause;
use url::Url;

use super::RemoteError;
use super::pages::Known;
use super::posts::Wanted;
use super::profile::FillProfile;
use crate::store::inbound_accounts::{self, AccountRow};
use crate::{AccountId, PostId, Social, SocialError};

/// What an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// Somebody.
    Account(AccountId),
    /// Something said.
    Post(PostId),
}

impl Social {
    /// The account with this handle (`user`, `user@host`, with or without an `@` in front), read
    /// from its server where it is unknown. `None` where there is nobody of that name.
    ///
    /// # Errors
    /// Its server could not be asked, or the store failed.
    pub async fn resolve_handle(&self, handle: &str) -> Result<Option<AccountId>, SocialError> {
        let pool = self.0.spine.pool();
        let bare = handle.trim().trim_start_matches('@');
        if !bare.contains('@') {
            let account = inbound_accounts::by_handle(pool, bare, None).await?;
            return Ok(visible(account));
        }
        let Ok(handle) = Handle::parse(bare) else { return Ok(None) };
        if handle.host() == self.0.settings.domain() {
            let account = inbound_accounts::by_handle(pool, handle.user(), None).await?;
            return Ok(visible(account));
        }
        let domain = Some(handle.host());
        if let Some(account) = inbound_accounts::by_handle(pool, handle.user(), domain).await? {
            self.refresh_if_stale(&account).await;
            return Ok(visible(Some(account)));
        }
        match self.ask_for_handle(&handle).await {
            Ok(account) => {
                FillProfile::schedule(self, account.id).await?;
                Ok(visible(Some(account)))
            }
            Err(error) => absent_or(error),
        }
    }

    async fn ask_for_handle(&self, handle: &Handle) -> Result<AccountRow, RemoteError> {
        // The host that is asked stands for the handle in the memory of failures.
        let asked = Url::parse(&format!("https://{}/{}", handle.host(), handle.user()))
            .map_err(|_| RemoteError::Untrue("it is no handle"))?;
        self.check_address(&asked).await?;
        let id = match self.0.remote.webfinger.resolve(handle).await {
            Ok(id) => id,
            Err(error) => {
                let error = RemoteError::from(error);
                self.note(&asked, Some(&error));
                return Err(error);
            }
        };
        self.remote_account(&id).await
    }

    /// What an address leads to: the id or the page of an account or a post, ours or another
    /// server's, read from there where it is unknown. `None` where it leads to neither.
    ///
    /// # Errors
    /// Its server could not be asked, or the store failed.
    pub async fn resolve_uri(&self, address: &str) -> Result<Option<Resolved>, SocialError> {
        let Some(url) = parse_url(address.trim()) else { return Ok(None) };
        match self.known_at(&url).await? {
            Known::Something(found) => Ok(Some(found)),
            Known::Nothing => Ok(None),
            Known::Unknown => self.ask_for_address(&url).await,
        }
    }

    /// What an address of another server leads to, read from there.
    ///
    /// # Errors
    /// Its server could not be asked, or the store failed.
    pub(crate) async fn ask_for_address(&self, url: &Url) -> Result<Option<Resolved>, SocialError> {
        match self.read_address(url).await {
            Ok(found) => Ok(Some(found)),
            Err(error) => absent_or(error),
        }
    }

    async fn read_address(&self, url: &Url) -> Result<Resolved, RemoteError> {
        self.check_address(url).await?;
        let fetched = match self.0.remote.fetcher.fetch_object(url).await {
            Ok(fetched) => fetched,
            Err(error) => {
                let error = RemoteError::from(error);
                self.note(url, Some(&error));
                return Err(error);
            }
        };
        if Actor::is_actor(&fetched.value) {
            let account = self.remote_account(&fetched.id).await?;
            FillProfile::schedule(self, account.id).await?;
            return Ok(Resolved::Account(account.id));
        }
        if Post::is_post(&fetched.value) {
            let post = self.keep_post(&fetched.value, Wanted::CONTEXT, Cause::system()).await?;
            return Ok(Resolved::Post(post.post));
        }
        Err(RemoteError::Untrue("it is neither somebody nor a post"))
    }
}

fn visible(account: Option<AccountRow>) -> Option<AccountId> {
    account.filter(AccountRow::is_active).map(|account| account.id)
}

/// Nothing is there, as far as the asker is concerned; or it could not be found out.
fn absent_or<T>(error: RemoteError) -> Result<Option<T>, SocialError> {
    match error {
        RemoteError::Social(error) => Err(error),
        error if error.is_passing() => Err(error.into()),
        error => {
            tracing::debug!(%error, "an address leads nowhere");
            Ok(None)
        }
    }
}
