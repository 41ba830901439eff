//! Reading remote actors.

use std::net::IpAddr;

use activitypub::origin::same_origin;
use activitypub::vocabulary::{Actor, ActorKind};
use activitypub::webfinger::{Handle, WebFingerError};
use chrono::{DateTime, Utc};
use spine::Cause;
use url::Url;

use super::failures::{Failure, PASSING};
use super::hosts::domain_of;
use super::strangers::Reading;
use super::{RemoteError, actor, refresh};
use crate::inbound::InboxRefusal;
use crate::store::inbound_accounts::{self, AccountRow};
use crate::write::accounts;
use crate::{AccountId, Social, SocialError};

impl Social {
    /// The account of a remote actor: as it is stored, else read from its own id.
    pub(crate) async fn remote_account(&self, id: &Url) -> Result<AccountRow, RemoteError> {
        let stored = inbound_accounts::by_uri(self.0.spine.pool(), id.as_str()).await?;
        match stored {
            Some(account) => {
                self.refresh_if_stale(&account).await;
                Ok(account)
            }
            None => self.read_actor(id, self.0.spine.clock().now()).await,
        }
    }

    /// Reads an actor from its own id and stores it; an answer that another caller brought after
    /// `since` serves too.
    pub(crate) async fn read_actor(
        &self,
        id: &Url,
        since: DateTime<Utc>,
    ) -> Result<AccountRow, RemoteError> {
        self.check_address(id).await?;
        let _alone = self.0.remote.failures.fly_alone(id.as_str()).await;
        let stored = inbound_accounts::by_uri(self.0.spine.pool(), id.as_str()).await?;
        if let Some(account) = &stored
            && account.fetched_at.is_some_and(|fetched| fetched >= since)
        {
            return Ok(account.clone());
        }
        // Another caller may have met with a failure while this one waited.
        self.check_address(id).await?;
        let result = self.read_and_store(id, stored.as_ref()).await;
        self.note(id, result.as_ref().err());
        if matches!(result, Err(RemoteError::Gone))
            && let Some(account) = stored.filter(|account| !account.deleted && !account.is_local())
        {
            self.delete_gone(account.id).await?;
        }
        result
    }

    async fn read_and_store(
        &self,
        id: &Url,
        stored: Option<&AccountRow>,
    ) -> Result<AccountRow, RemoteError> {
        let document = self.0.remote.fetcher.fetch_actor(id).await?;
        if same_origin(&document.id, &self.0.settings.origin) {
            return Err(RemoteError::Untrue("it leads back to us"));
        }
        let (username, domain) = self.confirmed_handle(&document, stored).await?;
        let cause = Cause::system();
        let now = self.0.spine.clock().now();
        let account = actor::read(&document, username, domain, now, cause.clone());
        let mut tx = self.0.spine.begin(cause).await?;
        actor::store(self, &mut tx, account).await?;
        tx.commit().await?;
        inbound_accounts::by_uri(self.0.spine.pool(), document.id.as_str())
            .await?
            .ok_or(RemoteError::Social(SocialError::NotFound))
    }

    /// The handle under which the actor's host knows it. Where the host does not speak WebFinger,
    /// the actor's own name on its own host serves, unless another actor has it: that takes nothing
    /// from anybody else.
    async fn confirmed_handle(
        &self,
        document: &Actor,
        stored: Option<&AccountRow>,
    ) -> Result<(String, String), RemoteError> {
        let ours = self.0.settings.domain();
        let error = match self.0.remote.webfinger.confirm(document).await {
            Ok(handle) if handle.host() == ours => {
                return Err(RemoteError::Untrue("its handle is of our own domain"));
            }
            Ok(handle) => return Ok((handle.user().to_owned(), handle.host().to_owned())),
            Err(error) => error,
        };
        if let Some(known) = stored.filter(|known| known.username == document.preferred_username)
            && let Some(domain) = &known.domain
            && error.is_transient()
        {
            return Ok((known.username.clone(), domain.clone()));
        }
        let speaks_no_webfinger = match &error {
            WebFingerError::NotFound
            | WebFingerError::Malformed
            | WebFingerError::NoActor
            | WebFingerError::Status(_)
            | WebFingerError::Http(_) => true,
            // The instance actors of some servers have no handle.
            WebFingerError::Unconfirmed(_) => document.kind == ActorKind::Application,
            WebFingerError::Blocked(_)
            | WebFingerError::Redirect(_)
            | WebFingerError::Handle(_) => false,
        };
        let Some(domain) = domain_of(&document.id).filter(|_| speaks_no_webfinger) else {
            return Err(error.into());
        };
        let handle = Handle::new(&document.preferred_username, &domain)
            .map_err(|error| RemoteError::WebFinger(error.into()))?;
        let holder =
            inbound_accounts::by_handle(self.0.spine.pool(), handle.user(), Some(&domain)).await?;
        match holder {
            Some(holder) if holder.uri != document.id.as_str() => {
                Err(RemoteError::Untrue("its handle is another actor's"))
            }
            _ => Ok((handle.user().to_owned(), domain)),
        }
    }

    /// Whether an address may be asked at all, and is worth asking.
    pub(crate) async fn check_address(&self, url: &Url) -> Result<(), RemoteError> {
        if same_origin(url, &self.0.settings.origin)
            || self.0.remote.blocked.load(self.0.spine.pool()).await?.blocks(url)
        {
            return Err(RemoteError::Refused);
        }
        match self.0.remote.failures.resting(url) {
            Some(rest) => Err(RemoteError::FailedLately(rest)),
            None => Ok(()),
        }
    }

    /// Remembers how asking an address went.
    pub(super) fn note(&self, url: &Url, error: Option<&RemoteError>) {
        let failures = &self.0.remote.failures;
        match error {
            None => failures.note_success(url),
            // That says nothing about the address.
            Some(RemoteError::Social(_) | RemoteError::Refused | RemoteError::FailedLately(_)) => {}
            Some(error) if error.is_passing() => match error.stated_wait() {
                Some(wait) => failures.note_wait(url, wait),
                None => failures.note_failure(url, Failure::Passing),
            },
            Some(_) => failures.note_failure(url, Failure::Lasting),
        }
    }

    /// Its own host says that an actor is gone: that is as good as its Delete.
    async fn delete_gone(&self, account: AccountId) -> Result<(), RemoteError> {
        let mut tx = self.0.spine.begin(Cause::system()).await?;
        accounts::delete(self, &mut tx, account).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Reads an actor for the sake of a signature: because it is unknown, or because its known key
    /// does not fit and it was not read for that lately. Whether the signature holds is then to be
    /// told to what this returns: a client whose signers come to nothing is not served for ever.
    pub(crate) async fn read_signer(
        &self,
        id: &Url,
        is_known: bool,
        client: Option<IpAddr>,
    ) -> Result<Reading, InboxRefusal> {
        let remote = &self.0.remote;
        let reading = remote
            .strangers
            .begin(client)
            .map_err(|after| InboxRefusal::TooManySigners { after })?;
        if is_known && !remote.failures.may_refetch(id.as_str()) {
            reading.forgive();
            return Ok(Reading::default());
        }
        let since = self.0.spine.clock().now();
        let error = match self.read_actor(id, since).await {
            Ok(_) => return Ok(reading),
            Err(error) => error,
        };
        let after = match &error {
            RemoteError::FailedLately(rest) => rest.left,
            error => error.stated_wait().unwrap_or(PASSING),
        };
        let is_passing = error.is_passing();
        if is_passing && is_known {
            remote.failures.forget_refetch(id.as_str());
        }
        // Nothing was asked, or it was our own doing.
        if matches!(
            error,
            RemoteError::FailedLately(_) | RemoteError::Refused | RemoteError::Social(_)
        ) {
            reading.forgive();
        }
        match error {
            RemoteError::Refused => Err(InboxRefusal::Blocked),
            RemoteError::Social(error) => Err(error.into()),
            RemoteError::Gone => Err(InboxRefusal::Key("the actor is gone")),
            error => {
                tracing::debug!(%error, actor = id.as_str(), "a signer could not be read");
                Err(match is_passing {
                    true => InboxRefusal::SignerAway { after },
                    false => InboxRefusal::Key("the actor could not be read"),
                })
            }
        }
    }

    /// Has an old document read again in the background: the caller goes on with what it has.
    pub(crate) async fn refresh_if_stale(&self, account: &AccountRow) {
        if let Err(error) = self.schedule_refresh(account).await {
            tracing::debug!(%error, "an actor's refresh could not be scheduled");
        }
    }

    async fn schedule_refresh(&self, account: &AccountRow) -> Result<(), SocialError> {
        let now = self.0.spine.clock().now();
        if !refresh::is_wanted(account, now) {
            return Ok(());
        }
        let mut tx = self.0.spine.begin(Cause::system()).await?;
        refresh::schedule(self, &mut tx, account, now)?;
        tx.commit().await?;
        Ok(())
    }
}
