//! The secrets of an account as calls use them: opened for the call, tokens refreshed by the host.

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

/// The secrets of one account.
pub(crate) struct AccountVault {
    pub(crate) plugins: Plugins,
    pub(crate) plugin: String,
    pub(crate) account: Uuid,
    /// Private networks that the plugin, and so its sign-in, may reach.
    pub(crate) networks: Vec<IpNet>,
}

impl AccountVault {
    fn place(&self, secret: &SecretAsked) -> Place {
        Place { plugin: self.plugin.clone(), account: self.account, name: secret.name.clone() }
    }

    /// A newer token than the stored one, or than `refused`. One at a time in this process; where another
    /// process was faster, its token is taken.
    async fn refresh(
        &self,
        place: &Place,
        refused: Option<&str>,
    ) -> Result<Option<String>, VaultFailure> {
        let _turn = self.plugins.0.refreshing.lock(place).await;
        let now = self.plugins.0.spine.clock().now();
        let Some((revision, sign_in)) = self.sign_in(place).await? else { return Ok(None) };
        let Some(token) = sign_in.token.clone() else { return Ok(None) };
        if refused.is_some_and(|refused| refused != token.access_token)
            || (refused.is_none() && !ends_soon(&token, now))
        {
            return Ok(Some(token.access_token));
        }
        let Some(refresh_token) = &token.refresh_token else {
            return match refused {
                None if token.expires_at.is_none_or(|end| end > now) => {
                    Ok(Some(token.access_token))
                }
                _ => Err(VaultFailure::SignIn("the sign-in has ended".to_owned())),
            };
        };
        let http = self
            .plugins
            .client(&self.networks)
            .map_err(|error| VaultFailure::Store(error.into()))?;
        let client = Client {
            token_endpoint: &sign_in.token_endpoint,
            client_id: &sign_in.client_id,
            client_secret: sign_in.client_secret.as_deref(),
        };
        match oauth::ask(&http, &client, Want::Refresh { refresh_token }, now).await {
            Ok(newer) => self.store(place, revision, sign_in, newer).await.map(Some),
            Err(failure) => {
                // Another process may have used the refresh token up a moment ago.
                if let Some((newer, sign_in)) = self.sign_in(place).await?
                    && newer != revision
                    && let Some(token) = sign_in.token
                {
                    return Ok(Some(token.access_token));
                }
                match failure {
                    // It is good for a little while yet.
                    VaultFailure::Away(_)
                        if refused.is_none() && token.expires_at.is_some_and(|end| end > now) =>
                    {
                        Ok(Some(token.access_token))
                    }
                    failure => Err(failure),
                }
            }
        }
    }

    /// Stores a newer token over the one it was made from.
    async fn store(
        &self,
        place: &Place,
        revision: i64,
        sign_in: SignIn,
        token: Token,
    ) -> Result<String, VaultFailure> {
        let (access, expires_at) = (token.access_token.clone(), token.expires_at);
        let stored = Stored::OAuth2(Box::new(SignIn { token: Some(token), ..sign_in }));
        let stored = async {
            let sealed = self.plugins.sealed(&stored)?;
            let now = self.plugins.0.spine.clock().now();
            let mut tx = self.plugins.0.spine.begin_worker(Cause::system()).await?;
            let replaced =
                store::secrets::replace(tx.conn(), place, revision, &sealed, expires_at, now)
                    .await?;
            tx.commit().await?;
            Ok::<_, PluginsError>(replaced)
        };
        if stored.await.map_err(|error| VaultFailure::Store(error.into()))? {
            return Ok(access);
        }
        // A person signed in again meanwhile: theirs counts.
        let newer = self.sign_in(place).await?.and_then(|(_, sign_in)| sign_in.token);
        Ok(newer.map_or(access, |token| token.access_token))
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
