//! The secrets of an account as calls use them: opened for the call, tokens refreshed by the host.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use ipnet::IpNet;
use spine::Cause;
use uuid::Uuid;

use crate::error::PluginsError;
use crate::host::secrets::{Vault, VaultFailure};
use crate::manifest::SecretAsked;
use crate::oauth::{self, Client, SignIn, Stored, Token, Want};
use crate::service::Plugins;
use crate::store;
use crate::store::secrets::Place;

/// A token that ends sooner is refreshed before it is used.
const SOON: TimeDelta = TimeDelta::seconds(60);

/// How long a process has the turn to refresh a token: longer than a sign-in service may take to answer.
const TURN: TimeDelta = TimeDelta::seconds(150);
/// How often a process looks whether another one has refreshed a token.
const LOOK: Duration = Duration::from_millis(100);
/// How long storing a token waits after each failure.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(20),
];

/// The secrets of one account.
#[derive(Clone)]
pub(crate) struct AccountVault {
    pub(crate) plugins: Plugins,
    pub(crate) plugin: String,
    pub(crate) account: Uuid,
    /// Private networks that the plugin, and so its sign-in, may reach.
    pub(crate) networks: Vec<IpNet>,
}

/// What a refresh begins from.
struct Before {
    revision: i64,
    sign_in: SignIn,
    token: Token,
    refresh_token: String,
}

impl AccountVault {
    fn place(&self, secret: &SecretAsked) -> Place {
        Place { plugin: self.plugin.clone(), account: self.account, name: secret.name.clone() }
    }

    /// A newer token than the stored one, or than `refused`.
    ///
    /// Goes on where the call that wanted it has ended: many services take a refresh token once, so what they
    /// gave for it must be kept.
    async fn refresh(
        &self,
        place: &Place,
        refused: Option<&str>,
    ) -> Result<Option<String>, VaultFailure> {
        let (vault, place) = (self.clone(), place.clone());
        let refused = refused.map(str::to_owned);
        let refresh = async move { vault.refresh_in_turn(&place, refused.as_deref()).await };
        tokio::spawn(refresh).await.map_err(|error| VaultFailure::Store(error.into()))?
    }

    /// The same, one at a time in all processes; where another one was faster, its token is taken.
    async fn refresh_in_turn(
        &self,
        place: &Place,
        refused: Option<&str>,
    ) -> Result<Option<String>, VaultFailure> {
        let store = |error: sqlx::Error| VaultFailure::Store(error.into());
        let spine = &self.plugins.0.spine;
        let _turn = self.plugins.0.refreshing.lock(place).await;
        loop {
            let now = spine.clock().now();
            let Some((revision, sign_in)) = self.sign_in(place).await? else { return Ok(None) };
            let Some(token) = sign_in.token.clone() else { return Ok(None) };
            if refused.is_some_and(|refused| refused != token.access_token)
                || (refused.is_none() && !ends_soon(&token, now))
            {
                return Ok(Some(token.access_token));
            }
            let is_good = refused.is_none() && token.expires_at.is_none_or(|end| end > now);
            let Some(refresh_token) = token.refresh_token.clone() else {
                return if is_good {
                    Ok(Some(token.access_token))
                } else {
                    Err(VaultFailure::SignIn("the sign-in has ended".to_owned()))
                };
            };
            let until = now + TURN;
            let pool = spine.worker_pool();
            if store::secrets::take_turn(pool, place, revision, now, until).await.map_err(store)? {
                let before = Before { revision, sign_in, token, refresh_token };
                let refreshed = self.ask(place, before, is_good).await;
                // A token that was stored has ended the turn already.
                store::secrets::end_turn(pool, place, until).await.map_err(store)?;
                return refreshed.map(Some);
            }
            // Another process has the turn.
            if is_good {
                return Ok(Some(token.access_token));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Asks for a newer token and stores it.
    async fn ask(
        &self,
        place: &Place,
        before: Before,
        is_good: bool,
    ) -> Result<String, VaultFailure> {
        let now = self.plugins.0.spine.clock().now();
        let http = self
            .plugins
            .client(&self.networks)
            .map_err(|error| VaultFailure::Store(error.into()))?;
        let client = Client {
            token_endpoint: &before.sign_in.token_endpoint,
            client_id: &before.sign_in.client_id,
            client_secret: before.sign_in.client_secret.as_deref(),
        };
        let want = Want::Refresh { refresh_token: &before.refresh_token };
        match oauth::ask(&http, &client, want, now).await {
            Ok(newer) => self.keep(place, before, newer).await,
            // It is good for a little while yet.
            Err(VaultFailure::Away(_)) if is_good => Ok(before.token.access_token),
            Err(failure) => Err(failure),
        }
    }

    /// Stores a newer token, whatever it takes: there is no other copy.
    async fn keep(
        &self,
        place: &Place,
        before: Before,
        newer: Token,
    ) -> Result<String, VaultFailure> {
        let mut pauses = PAUSES.into_iter();
        loop {
            match self.store(place, &before, &newer).await {
                Ok(access) => return Ok(access),
                Err(failure) => match pauses.next() {
                    Some(pause) => {
                        tracing::warn!(
                            plugin.id = self.plugin,
                            account.id = %self.account,
                            error = %failure,
                            "a refreshed token could not be stored; it is tried again"
                        );
                        tokio::time::sleep(pause).await;
                    }
                    None => return Err(failure),
                },
            }
        }
    }

    /// Stores a newer token in place of the one that it was made from, whatever was written beside that.
    async fn store(
        &self,
        place: &Place,
        before: &Before,
        newer: &Token,
    ) -> Result<String, VaultFailure> {
        let mut read = Some((before.revision, before.sign_in.clone()));
        while let Some((revision, sign_in)) = read {
            let ours = sign_in.token.as_ref().and_then(|token| token.refresh_token.as_ref());
            if ours != Some(&before.refresh_token) {
                // A person signed in again meanwhile: theirs counts.
                let theirs = sign_in.token.map(|token| token.access_token);
                return Ok(theirs.unwrap_or_else(|| newer.access_token.clone()));
            }
            let stored = Stored::OAuth2(Box::new(SignIn { token: Some(newer.clone()), ..sign_in }));
            let replaced = self.replace(place, revision, &stored, newer.expires_at).await;
            if replaced.map_err(|error| VaultFailure::Store(error.into()))? {
                break;
            }
            read = self.sign_in(place).await?;
        }
        Ok(newer.access_token.clone())
    }

    async fn replace(
        &self,
        place: &Place,
        revision: i64,
        stored: &Stored,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<bool, PluginsError> {
        let sealed = self.plugins.sealed(stored)?;
        let spine = &self.plugins.0.spine;
        let mut tx = spine.begin_worker(Cause::system()).await?;
        let now = spine.clock().now();
        let replaced =
            store::secrets::replace(tx.conn(), place, revision, &sealed, expires_at, now).await?;
        tx.commit().await?;
        Ok(replaced)
    }

    async fn sign_in(&self, place: &Place) -> Result<Option<(i64, SignIn)>, VaultFailure> {
        let found =
            self.plugins.opened(place).await.map_err(|error| VaultFailure::Store(error.into()))?;
        Ok(found.and_then(|(revision, stored)| match stored {
            Stored::OAuth2(sign_in) => Some((revision, *sign_in)),
            Stored::Text { .. } => None,
        }))
    }
}

#[async_trait]
impl Vault for AccountVault {
    async fn current(&self, secret: &SecretAsked) -> Result<Option<String>, VaultFailure> {
        let place = self.place(secret);
        let found =
            self.plugins.opened(&place).await.map_err(|error| VaultFailure::Store(error.into()))?;
        match found.map(|(_, stored)| stored) {
            None => Ok(None),
            Some(Stored::Text { value }) => Ok(Some(value)),
            Some(Stored::OAuth2(sign_in)) => match sign_in.token {
                None => Ok(None),
                Some(token) if ends_soon(&token, self.plugins.0.spine.clock().now()) => {
                    self.refresh(&place, None).await
                }
                Some(token) => Ok(Some(token.access_token)),
            },
        }
    }

    async fn renewed(
        &self,
        secret: &SecretAsked,
        refused: &str,
    ) -> Result<Option<String>, VaultFailure> {
        self.refresh(&self.place(secret), Some(refused)).await
    }
}

fn ends_soon(token: &Token, now: DateTime<Utc>) -> bool {
    token.expires_at.is_some_and(|end| end - now < SOON)
}
