//! Secrets of accounts: set by the person whose account it is, never read back, used by calls.

use chrono::{DateTime, Utc};
use contracts::access::{Access, Principal, Resource, SpaceId, actions};
use contracts::events::plugins::PluginChanged;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spine::Tx;
use url::Url;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::PluginsError;
use crate::manifest::{SecretAsked, SecretKind, World};
use crate::oauth::{self, Attempt, Client, SignIn, Stored, Token, Want};
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

/// What comes back from a sign-in (RFC 6749, section 4.1.2).
#[derive(Clone, Debug, Default, Deserialize)]
pub struct SignInAnswer {
    /// What [`Plugins::begin_sign_in`] gave along.
    #[serde(default)]
    pub state: Option<String>,
    /// The code.
    #[serde(default)]
    pub code: Option<String>,
    /// Why there is none.
    #[serde(default)]
    pub error: Option<String>,
}

/// A sign-in that was finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The plugin.
    pub plugin: String,
    /// The account.
    pub account: Uuid,
    /// The secret that is set now.
    pub secret: String,
}

/// What a sign-in carries through the browser, sealed.
#[derive(Serialize, Deserialize)]
struct State {
    plugin: String,
    account: Uuid,
    secret: String,
    nonce: String,
    who: Principal,
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

    /// Begins a sign-in: where the person is to be sent. The app's registration is kept for the next one.
    pub(crate) async fn begin_sign_in(
        &self,
        access: &Access,
        own: &OwnAccount,
        name: &str,
        client: Option<(String, Option<String>)>,
    ) -> Result<Url, PluginsError> {
        let secret = own.secret(name, SecretKind::OAuth2)?;
        let place = own.place(secret);
        let mut sign_in = match self.opened(&place).await? {
            Some((_, Stored::OAuth2(sign_in))) => *sign_in,
            _ => SignIn::default(),
        };
        let known = (!sign_in.client_id.is_empty())
            .then(|| (sign_in.client_id.clone(), sign_in.client_secret.clone()));
        let (client_id, client_secret) = client.or(known).ok_or_else(|| {
            PluginsError::Invalid(
                "client_id is missing: the id that the service gave this node as an app".to_owned(),
            )
        })?;
        if client_id.is_empty()
            || client_id.len() > 500
            || client_secret.as_ref().is_some_and(|text| text.len() > 2_000)
        {
            return Err(PluginsError::Invalid(
                "client_id has 1 to 500 bytes, client_secret at most 2000".to_owned(),
            ));
        }
        let token_endpoint = own.endpoint(secret, |oauth| &oauth.token_endpoint)?;
        let mut address = own.endpoint(secret, |oauth| &oauth.authorization_endpoint)?;
        let (nonce, verifier) = (oauth::random()?, oauth::random()?);
        let state = State {
            plugin: place.plugin.clone(),
            account: own.account,
            secret: name.to_owned(),
            nonce: nonce.clone(),
            who: access.caller().principal.clone(),
        };
        let scopes = secret.oauth2.as_ref().map(|oauth| oauth.scopes.join(" ")).unwrap_or_default();
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &client_id)
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("scope", &scopes)
            .append_pair("code_challenge", &oauth::challenge(&verifier))
            .append_pair("code_challenge_method", "S256")
            .append_pair("state", &self.sealed_text(&state)?);
        sign_in.attempt = Some(Attempt {
            nonce,
            verifier,
            client_id,
            client_secret,
            token_endpoint: token_endpoint.into(),
            until: self.0.spine.clock().now() + oauth::ATTEMPT,
        });
        let (complete, expires_at) = match &sign_in.token {
            Some(token) => (true, token.expires_at),
            None => (false, None),
        };
        // Nothing is set yet, so nothing is told.
        let sealed = self.sealed(&Stored::OAuth2(Box::new(sign_in)))?;
        let now = self.0.spine.clock().now();
        let mut tx = self.0.spine.begin(access.caller().cause()).await?;
        store::secrets::set(tx.conn(), &place, &sealed, complete, expires_at, now).await?;
        tx.commit().await?;
        Ok(address)
    }

    /// Finishes a sign-in, for the node's route `/oauth/plugins/callback`. It must come back to whoever
    /// began it, within a quarter of an hour, once.
    ///
    /// # Errors
    /// It did not, or the service refused the code.
    pub async fn finish_sign_in(
        &self,
        access: &Access,
        answer: SignInAnswer,
    ) -> Result<SignedIn, PluginsError> {
        let failed = |text: &str| PluginsError::SignIn(text.to_owned());
        let state = answer.state.ok_or_else(|| failed("the answer names no sign-in"))?;
        let state: State = self
            .opened_text(&state)
            .ok_or_else(|| failed("the answer names no sign-in of this node"))?;
        if state.who != access.caller().principal {
            return Err(failed("somebody else began this sign-in"));
        }
        let own = self.own_account(access, &state.plugin, state.account).await?;
        let place = own.place(own.secret(&state.secret, SecretKind::OAuth2)?);
        let Some((revision, Stored::OAuth2(sign_in))) = self.opened(&place).await? else {
            return Err(failed("this sign-in has ended"));
        };
        let now = self.0.spine.clock().now();
        let attempt =
            sign_in.attempt.filter(|attempt| attempt.nonce == state.nonce && attempt.until > now);
        let attempt =
            attempt.ok_or_else(|| failed("this sign-in has ended; please begin again"))?;
        let code = match (answer.code, answer.error) {
            (Some(code), None) if (1..=8_192).contains(&code.len()) => code,
            (_, error) => {
                let error: String = error
                    .unwrap_or_default()
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(100)
                    .collect();
                return Err(PluginsError::SignIn(
                    format!("the service gave no permission {error}").trim_end().to_owned(),
                ));
            }
        };
        let networks = own
            .installed
            .granted
            .as_ref()
            .map(|granted| granted.networks.clone())
            .unwrap_or_default();
        let http =
            self.client(&networks).map_err(|error| PluginsError::SignIn(error.to_string()))?;
        let redirect_uri = self.redirect_uri();
        let client = Client {
            token_endpoint: &attempt.token_endpoint,
            client_id: &attempt.client_id,
            client_secret: attempt.client_secret.as_deref(),
        };
        let want =
            Want::Code { code: &code, verifier: &attempt.verifier, redirect_uri: &redirect_uri };
        let token = oauth::ask(&http, &client, want, now)
            .await
            .map_err(|error| PluginsError::SignIn(error.to_string()))?;
        let expires_at = token.expires_at;
        let stored = Stored::OAuth2(Box::new(SignIn {
            client_id: attempt.client_id,
            client_secret: attempt.client_secret,
            token_endpoint: attempt.token_endpoint,
            token: Some(token),
            attempt: None,
        }));
        let sealed = self.sealed(&stored)?;
        let mut tx = self.0.spine.begin(access.caller().cause()).await?;
        if !store::secrets::replace(tx.conn(), &place, revision, &sealed, expires_at, now).await? {
            return Err(failed("another sign-in was faster"));
        }
        own.configured(&mut tx)?;
        tx.commit().await?;
        Ok(SignedIn { plugin: state.plugin, account: state.account, secret: state.secret })
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

    fn redirect_uri(&self) -> String {
        format!("{}/oauth/plugins/callback", self.0.settings.origin.as_str().trim_end_matches('/'))
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

    fn sealed_text(&self, state: &State) -> Result<String, PluginsError> {
        use base64::Engine as _;
        Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.sealed(state)?))
    }

    /// What this node sealed; anything else is nobody's.
    fn opened_text(&self, text: &str) -> Option<State> {
        use base64::Engine as _;
        let sealed = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok()?;
        serde_json::from_slice(&self.0.spine.open_secret(&sealed).ok()?).ok()
    }
}

impl OwnAccount {
    fn secret(&self, name: &str, kind: SecretKind) -> Result<&SecretAsked, PluginsError> {
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

    fn place(&self, secret: &SecretAsked) -> Place {
        Place {
            plugin: self.installed.id().to_owned(),
            account: self.account,
            name: secret.name.clone(),
        }
    }

    fn endpoint(
        &self,
        secret: &SecretAsked,
        which: impl Fn(&crate::manifest::OAuthAsked) -> &String,
    ) -> Result<Url, PluginsError> {
        let oauth = secret.oauth2.as_ref().ok_or(PluginsError::NotFound)?;
        oauth::endpoint(which(oauth), &self.config).map_err(PluginsError::Invalid)
    }

    fn configured(&self, tx: &mut Tx) -> Result<(), PluginsError> {
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
