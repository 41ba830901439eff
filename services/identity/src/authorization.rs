//! The authorization code grant with PKCE (RFC 6749, section 4.1; RFC 7636).

use chrono::Duration;
use spine::Snowflake;

use crate::apps::OUT_OF_BAND;
use crate::{App, Identity, IdentityError, IssuedToken, Scopes, secret, store};

/// How long a code can be swapped.
const LIFETIME: Duration = Duration::minutes(10);

/// What an app asks of a person at the authorize page.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// The app.
    pub app: App,
    /// Where the answer goes: exactly one of the app's addresses.
    pub redirect_uri: String,
    /// What it wants to be allowed.
    pub scopes: Scopes,
    /// PKCE's S256 challenge.
    pub challenge: Option<String>,
}

/// An app that swaps a code for a token.
#[derive(Clone, Debug)]
pub struct CodeExchange<'a> {
    /// The code.
    pub code: &'a str,
    /// The redirect URI of the request that led to the code.
    pub redirect_uri: &'a str,
    /// PKCE's verifier.
    pub verifier: Option<&'a str>,
}

impl Identity {
    /// Checks what an app asks for, before a person sees it.
    ///
    /// # Errors
    /// The app is unknown, the redirect is not one of its own (then nothing may be sent there),
    /// the scope is more than it registered, or the challenge method is not S256.
    pub async fn check_authorization(
        &self,
        client_id: &str,
        redirect_uri: Option<&str>,
        scope: Option<&str>,
        challenge: Option<&str>,
        challenge_method: Option<&str>,
    ) -> Result<AuthorizationRequest, IdentityError> {
        let app = self.app(client_id).await?.ok_or(IdentityError::InvalidClient)?;
        let redirect_uri = match redirect_uri {
            Some(uri) if app.redirect_uris.iter().any(|own| own == uri) => uri.to_owned(),
            Some(_) => return Err(IdentityError::InvalidRedirect),
            None => match app.redirect_uris.as_slice() {
                [only] => only.clone(),
                _ => return Err(IdentityError::InvalidRedirect),
            },
        };
        let scopes = Scopes::parse(scope.unwrap_or_default())
            .filter(|scopes| scopes.within(&app.scopes))
            .ok_or(IdentityError::InvalidScope)?;
        let challenge = match (challenge.filter(|text| !text.is_empty()), challenge_method) {
            (None, _) => None,
            (Some(challenge), Some("S256")) if challenge.len() == 43 => Some(challenge.to_owned()),
            (Some(_), _) => {
                return Err(IdentityError::InvalidRequest(
                    "Only the PKCE method S256 is supported.",
                ));
            }
        };
        Ok(AuthorizationRequest { app, redirect_uri, scopes, challenge })
    }

    /// The code that tells the app that this person agreed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn authorize(
        &self,
        request: &AuthorizationRequest,
        account_id: Snowflake,
    ) -> Result<String, IdentityError> {
        let code = secret::new_secret()?;
        let expires_at = self.0.spine.clock().now() + LIFETIME;
        store::codes::insert(
            self.0.spine.pool(),
            &secret::hash(&code),
            request,
            account_id,
            expires_at,
        )
        .await?;
        Ok(code)
    }

    /// Swaps a code for a token, once. A code presented a second time is refused.
    ///
    /// # Errors
    /// [`IdentityError::InvalidGrant`] for anything that does not fit together.
    pub async fn redeem_code(
        &self,
        app: &App,
        exchange: CodeExchange<'_>,
    ) -> Result<IssuedToken, IdentityError> {
        let now = self.0.spine.clock().now();
        let mut tx = self.0.spine.begin(spine::Cause::by(format!("app:{}", app.id))).await?;
        let code = store::codes::take(tx.conn(), &secret::hash(exchange.code), now)
            .await?
            .ok_or(IdentityError::InvalidGrant)?;
        let verified = match (&code.challenge, exchange.verifier) {
            (Some(challenge), Some(verifier)) => secret::pkce_challenge(verifier) == *challenge,
            (Some(_), None) => false,
            (None, _) => true,
        };
        if code.app_id != app.id || code.redirect_uri != exchange.redirect_uri || !verified {
            // Using it up is on purpose: somebody else holds it.
            tx.commit().await?;
            return Err(IdentityError::InvalidGrant);
        }
        let person = store::people::by_account(self.0.spine.pool(), code.account_id)
            .await?
            .ok_or(IdentityError::InvalidGrant)?;
        person.state.admit()?;
        let issued = self.issue(&mut tx, app, Some(code.account_id), code.scopes).await?;
        tx.commit().await?;
        Ok(issued)
    }

    /// Whether the answer to this address is shown to the person instead of being sent.
    pub fn is_out_of_band(redirect_uri: &str) -> bool {
        redirect_uri == OUT_OF_BAND
    }
}
