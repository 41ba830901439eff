//! Secrets of accounts: set by the person whose account it is, never read back, used by calls.

use chrono::{DateTime, Utc};
use contracts::access::{Access, Resource, SpaceId, actions};
use contracts::events::plugins::PluginChanged;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spine::Tx;
use url::Url;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::PluginsError;
use crate::manifest::{SecretAsked, SecretKind, World};
use crate::oauth::{self, SignIn, Stored, Token};
use crate::plugin::Installed;
use crate::service::Plugins;
use crate::store;
use crate::store::secrets::Place;

/// The longest text of a secret, in bytes.
const TEXT: usize = 16 * 1_024;

/// What an account's service says of it.
#[derive(Deserialize)]
struct Account {
    plugin: String,
    space: SpaceId,
    #[serde(default)]
    config: Value,
}

/// An account whose secrets the caller may set.
pub(crate) struct OwnAccount {
    pub(crate) installed: std::sync::Arc<Installed>,
    pub(crate) account: Uuid,
    config: Value,
}

/// A token that was got elsewhere, or an app's registration at the service.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenToken {
    /// The token.
    #[schema(min_length = 1, max_length = 16384)]
    pub access_token: String,
    /// What newer ones are got with.
    #[serde(default)]
    #[schema(max_length = 16384)]
    pub refresh_token: Option<String>,
    /// How long the token is good for yet, in seconds.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 315360000)]
    pub expires_in: Option<u32>,
    /// The app's id at the service.
    #[schema(min_length = 1, max_length = 500)]
    pub client_id: String,
    /// The app's secret there.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub client_secret: Option<String>,
}

/// That a secret is set, and nothing of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SecretStatus {
    /// Its name.
    pub name: String,
    /// What people see beside the field.
    pub title: String,
    /// What kind it is.
    pub kind: SecretKind,
    /// Whether nothing works without it.
    pub required: bool,
    /// Whether it is set; a sign-in that was begun and not finished is not.
    pub set: bool,
    /// When it was set or refreshed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_at: Option<DateTime<Utc>>,
    /// When its token ends; the host refreshes it before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

impl Plugins {
    /// The account, where it is of this plugin and the caller may change it: its own service says.
    pub(crate) async fn own_account(
        &self,
        access: &Access,
        plugin: &str,
        account: Uuid,
    ) -> Result<OwnAccount, PluginsError> {
        let installed = self.0.catalogue.find(plugin).ok_or(PluginsError::NotFound)?;
        let (path, kind, action) = match installed.manifest.world {
            World::Connector => {
                (format!("/connectors/{account}"), "connector", actions::CONNECTOR_WRITE)
            }
            World::Channel => (format!("/channels/{account}"), "channel", actions::CHANNEL_WRITE),
            World::RuleOperator => return Err(PluginsError::NotFound),
        };
        let found: Account =
            self.0.api.find(access.caller(), &path).await?.ok_or(PluginsError::NotFound)?;
        if found.plugin != plugin {
            return Err(PluginsError::NotFound);
        }
        let resource = Resource::new(kind, account.to_string(), found.space);
        access.require(action, &resource).map_err(PluginsError::Refused)?;
        Ok(OwnAccount { installed, account, config: found.config })
    }

    /// Sets a secret that is text.
    pub(crate) async fn set_text(
        &self,
        access: &Access,
        own: &OwnAccount,
        name: &str,
        value: String,
    ) -> Result<(), PluginsError> {
        let secret = own.secret(name, SecretKind::Text)?;
        if value.is_empty() || value.len() > TEXT {
            return Err(PluginsError::Invalid("a secret has 1 to 16384 bytes".to_owned()));
        }
        let place = own.place(secret);
        self.set(access, own, &place, &Stored::Text { value }, true, None).await
    }

    /// Sets a sign-in that was done elsewhere.
    pub(crate) async fn set_token(
        &self,
        access: &Access,
        own: &OwnAccount,
        name: &str,
        given: GivenToken,
    ) -> Result<(), PluginsError> {
        let secret = own.secret(name, SecretKind::OAuth2)?;
        let texts = [
            Some(&given.access_token),
            given.refresh_token.as_ref(),
            Some(&given.client_id),
            given.client_secret.as_ref(),
        ];
        if texts.into_iter().flatten().any(|text| text.is_empty() || text.len() > TEXT) {
            return Err(PluginsError::Invalid(
                "tokens and client ids have 1 to 16384 bytes".to_owned(),
            ));
        }
        let expires_at = given
            .expires_in
            .map(|seconds| self.0.spine.clock().now() + chrono::TimeDelta::seconds(seconds.into()));
        let token_endpoint = own.endpoint(secret, |oauth| &oauth.token_endpoint)?.into();
        let stored = Stored::OAuth2(Box::new(SignIn {
            client_id: given.client_id,
            client_secret: given.client_secret,
            token_endpoint,
            token: Some(Token {
                access_token: given.access_token,
                refresh_token: given.refresh_token,
                expires_at,
            }),
            attempt: None,
        }));
        self.set(access, own, &own.place(secret), &stored, true, expires_at).await
    }

    /// Forgets a secret.
    pub(crate) async fn remove_secret(
        &self,
        access: &Access,
        own: &OwnAccount,
        name: &str,
    ) -> Result<(), PluginsError> {
        let secret = own.installed.manifest.secret(name).ok_or(PluginsError::NotFound)?;
        let mut tx = self.0.spine.begin(access.caller().cause()).await?;
        if store::secrets::remove(tx.conn(), &own.place(secret)).await? {
            own.configured(&mut tx)?;
        }
        Ok(tx.commit().await?)
    }

    /// Which secrets of an account are set.
    pub(crate) async fn secrets_of(
        &self,
        own: &OwnAccount,
    ) -> Result<Vec<SecretStatus>, PluginsError> {
        let told =
            store::secrets::told(self.0.spine.pool(), own.installed.id(), own.account).await?;
        let status = |secret: &SecretAsked| {
            let told = told.iter().find(|told| told.name == secret.name);
            SecretStatus {
                name: secret.name.clone(),
                title: secret.title.clone(),
                kind: secret.kind,
                required: secret.required,
                set: told.is_some_and(|told| told.complete),
                set_at: told.map(|told| told.set_at),
                expires_at: told.and_then(|told| told.expires_at),
            }
        };
        Ok(own.installed.secrets.iter().map(status).collect())
    }

    async fn set(
        &self,
        access: &Access,
        own: &OwnAccount,
        place: &Place,
        stored: &Stored,
        complete: bool,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<(), PluginsError> {
        let sealed = self.sealed(stored)?;
        let now = self.0.spine.clock().now();
        let mut tx = self.0.spine.begin(access.caller().cause()).await?;
        store::secrets::set(tx.conn(), place, &sealed, complete, expires_at, now).await?;
        own.configured(&mut tx)?;
        Ok(tx.commit().await?)
    }

    /// A secret as it is stored, sealed.
    pub(crate) fn sealed(&self, stored: &impl Serialize) -> Result<Vec<u8>, PluginsError> {
        let plain =
            serde_json::to_vec(stored).map_err(|error| PluginsError::Spine(error.into()))?;
        Ok(self.0.spine.seal_secret(&plain)?)
    }

    /// A stored secret with its revision, opened.
    pub(crate) async fn opened(
        &self,
        place: &Place,
    ) -> Result<Option<(i64, Stored)>, PluginsError> {
        let Some(found) = store::secrets::find(self.0.spine.worker_pool(), place).await? else {
            return Ok(None);
        };
        let plain = self.0.spine.open_secret(&found.sealed)?;
        let stored =
            serde_json::from_slice(&plain).map_err(|error| PluginsError::Spine(error.into()))?;
        Ok(Some((found.revision, stored)))
    }
}

impl OwnAccount {
    pub(crate) fn secret(
        &self,
        name: &str,
        kind: SecretKind,
    ) -> Result<&SecretAsked, PluginsError> {
        let secret = self.installed.manifest.secret(name).ok_or(PluginsError::NotFound)?;
        match (secret.kind, kind) {
            (SecretKind::Text, SecretKind::OAuth2) => {
                Err(PluginsError::Invalid("this secret is text; nobody signs in for it".to_owned()))
            }
            (SecretKind::OAuth2, SecretKind::Text) => {
                Err(PluginsError::Invalid("this secret is a sign-in, not text".to_owned()))
            }
            _ => Ok(secret),
        }
    }

    pub(crate) fn place(&self, secret: &SecretAsked) -> Place {
        Place {
            plugin: self.installed.id().to_owned(),
            account: self.account,
            name: secret.name.clone(),
        }
    }

    pub(crate) fn endpoint(
        &self,
        secret: &SecretAsked,
        which: impl Fn(&crate::manifest::OAuthAsked) -> &String,
    ) -> Result<Url, PluginsError> {
        let oauth = secret.oauth2.as_ref().ok_or(PluginsError::NotFound)?;
        oauth::endpoint(which(oauth), &self.config).map_err(PluginsError::Invalid)
    }

    pub(crate) fn configured(&self, tx: &mut Tx) -> Result<(), PluginsError> {
        tx.record(&PluginChanged {
            plugin: self.installed.id().to_owned(),
            version: self.installed.manifest.version.to_string(),
            digest: hex::encode(self.installed.digest),
            change: "configured".to_owned(),
            pending: None,
            account: Some(self.account),
            reason: None,
        })?;
        Ok(())
    }
}
