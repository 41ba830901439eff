//! Signing in for a secret: a person goes to the outside service and comes back with a code.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::access::{Access, Principal};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use crate::error::PluginsError;
use crate::manifest::{SecretAsked, SecretKind};
use crate::oauth::{self, Attempt, Client, SignIn, Stored, Want};
use crate::secrets::OwnAccount;
use crate::service::Plugins;
use crate::store;
use crate::store::secrets::Place;

/// How often a sign-in is begun anew where its secret changes meanwhile.
const ATTEMPTS: u32 = 5;

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
        // A call may refresh the token meanwhile, which must not be lost.
        for _ in 0..ATTEMPTS {
            let read = self.opened(&place).await?;
            let begun = self.begun(access, own, secret, client.clone(), read).await?;
            if let Some(address) = begun {
                return Ok(address);
            }
        }
        Err(PluginsError::ChangedMeanwhile)
    }

    /// Begins a sign-in beside the secret that was read; none where that was changed meanwhile.
    async fn begun(
        &self,
        access: &Access,
        own: &OwnAccount,
        secret: &SecretAsked,
        client: Option<(String, Option<String>)>,
        read: Option<(i64, Stored)>,
    ) -> Result<Option<Url>, PluginsError> {
        let place = own.place(secret);
        let (revision, mut sign_in) = match read {
            Some((revision, Stored::OAuth2(sign_in))) => (Some(revision), *sign_in),
            Some((revision, Stored::Text { .. })) => (Some(revision), SignIn::default()),
            None => (None, SignIn::default()),
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
            secret: secret.name.clone(),
            nonce: nonce.clone(),
            who: access.caller().principal.clone(),
        };
        let scopes = secret.oauth2.as_ref().map(|oauth| oauth.scopes.join(" ")).unwrap_or_default();
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &client_id)
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("code_challenge", &oauth::challenge(&verifier))
            .append_pair("code_challenge_method", "S256")
            .append_pair("state", &self.sealed_text(&state)?);
        // One that is empty is malformed to many (RFC 6749, section 3.3).
        if !scopes.is_empty() {
            address.query_pairs_mut().append_pair("scope", &scopes);
        }
        sign_in.attempt = Some(Attempt {
            nonce,
            verifier,
            client_id,
            client_secret,
            token_endpoint: token_endpoint.into(),
            until: self.0.spine.clock().now() + oauth::ATTEMPT,
        });
        let complete = sign_in.token.is_some();
        // Nothing is set yet, so nothing is told.
        let sealed = self.sealed(&Stored::OAuth2(Box::new(sign_in)))?;
        let now = self.0.spine.clock().now();
        let mut tx = self.0.spine.begin(access.caller().cause()).await?;
        let written = match revision {
            Some(revision) => {
                store::secrets::begin(tx.conn(), &place, revision, &sealed, complete).await?
            }
            None => store::secrets::add(tx.conn(), &place, &sealed, now).await?,
        };
        tx.commit().await?;
        Ok(written.then_some(address))
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
        let now = self.0.spine.clock().now();
        let (_, attempt) = self
            .attempt(&place, &state.nonce)
            .await?
            .filter(|(_, attempt)| attempt.until > now)
            .ok_or_else(|| failed("this sign-in has ended; please begin again"))?;
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
        let granted = own.installed.granted.as_ref();
        let networks = granted.map(|granted| self.reachable(granted)).unwrap_or_default();
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
        // The code is used up. Whoever refreshed the token before meanwhile is no reason to lose this one.
        while let Some((revision, _)) = self.attempt(&place, &state.nonce).await? {
            let mut tx = self.0.spine.begin(access.caller().cause()).await?;
            if store::secrets::replace(tx.conn(), &place, revision, &sealed, expires_at, now)
                .await?
            {
                own.configured(&mut tx)?;
                tx.commit().await?;
                let State { plugin, account, secret, .. } = state;
                return Ok(SignedIn { plugin, account, secret });
            }
        }
        Err(failed("another sign-in was faster"))
    }

    /// The attempt to sign in that waits, where it is this one, with the secret's revision.
    async fn attempt(
        &self,
        place: &Place,
        nonce: &str,
    ) -> Result<Option<(i64, Attempt)>, PluginsError> {
        let Some((revision, Stored::OAuth2(sign_in))) = self.opened(place).await? else {
            return Ok(None);
        };
        Ok(sign_in.attempt.filter(|attempt| attempt.nonce == nonce).map(|found| (revision, found)))
    }

    fn redirect_uri(&self) -> String {
        format!("{}/oauth/plugins/callback", self.0.settings.origin.as_str().trim_end_matches('/'))
    }

    fn sealed_text(&self, state: &State) -> Result<String, PluginsError> {
        Ok(URL_SAFE_NO_PAD.encode(self.sealed(state)?))
    }

    /// What this node sealed; anything else is nobody's.
    fn opened_text(&self, text: &str) -> Option<State> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        serde_json::from_slice(&self.0.spine.open_secret(&sealed).ok()?).ok()
    }
}
