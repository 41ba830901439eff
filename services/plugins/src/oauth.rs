//! Signing in for a secret (OAuth 2 with PKCE: RFC 6749, 7636), and tokens.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use spine::http::{GuardedClient, HttpError, OutgoingRequest};
use url::Url;

use crate::error::PluginsError;
use crate::host::secrets::VaultFailure;

/// How long a person has to sign in.
pub(crate) const ATTEMPT: TimeDelta = TimeDelta::minutes(15);
/// The largest answer of a token endpoint, in bytes.
const ANSWER: usize = 64 * 1_024;

/// A secret as it is sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Stored {
    /// Text.
    Text {
        /// It.
        value: String,
    },
    /// A sign-in.
    OAuth2(Box<SignIn>),
}

/// A sign-in: the app's registration at the service, a token where there is one, and an attempt to get one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SignIn {
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<String>,
    pub(crate) token_endpoint: String,
    pub(crate) token: Option<Token>,
    pub(crate) attempt: Option<Attempt>,
}

/// A token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) access_token: String,
    pub(crate) refresh_token: Option<String>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// A sign-in that a person has begun.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<String>,
    pub(crate) token_endpoint: String,
    pub(crate) until: DateTime<Utc>,
}

/// A random text that nobody guesses: 32 bytes.
pub(crate) fn random() -> Result<String, PluginsError> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| {
        PluginsError::Spine(spine::SpineError::Seal("the system gave no randomness"))
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The challenge of a verifier (`S256`).
pub(crate) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

/// An endpoint with what the account's configuration says put in.
///
/// `{config:/tenant}` within a path stands for one plain word; at the beginning of an endpoint,
/// `{config:/login_url|https://login.example}` stands for an address.
pub(crate) fn endpoint(template: &str, config: &Value) -> Result<Url, String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some(begin) = rest.find("{config:") {
        text.push_str(&rest[..begin]);
        let inner = &rest[begin + "{config:".len()..];
        let end = inner.find('}').ok_or_else(|| "an endpoint has no closing brace".to_owned())?;
        let (pointer, default) = match inner[..end].split_once('|') {
            Some((pointer, default)) => (pointer, Some(default)),
            None => (&inner[..end], None),
        };
        let value =
            config.pointer(pointer).and_then(Value::as_str).filter(|value| !value.is_empty());
        let value = value.or(default).ok_or_else(|| format!("the setting {pointer} is missing"))?;
        if text.is_empty() {
            text.push_str(value.trim_end_matches('/'));
        } else if value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
            && !value.starts_with('.')
        {
            text.push_str(value);
        } else {
            return Err(format!("the setting {pointer} does not fit into an address"));
        }
        rest = &inner[end + 1..];
    }
    text.push_str(rest);
    let url = Url::parse(&text).map_err(|_| "an endpoint is no address".to_owned())?;
    let plain = url.username().is_empty() && url.password().is_none() && url.has_host();
    if plain && matches!(url.scheme(), "https" | "http") {
        Ok(url)
    } else {
        Err("an endpoint is no address".to_owned())
    }
}

/// What a token endpoint says (RFC 6749, sections 5.1 and 5.2).
#[derive(Deserialize)]
struct Told {
    access_token: Option<String>,
    refresh_token: Option<String>,
    expires_in: Option<Value>,
    error: Option<String>,
}

/// What is asked of a token endpoint.
pub(crate) enum Want<'a> {
    /// A token for a code.
    Code { code: &'a str, verifier: &'a str, redirect_uri: &'a str },
    /// A newer token.
    Refresh { refresh_token: &'a str },
}

/// Who asks, and where.
pub(crate) struct Client<'a> {
    pub(crate) token_endpoint: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) client_secret: Option<&'a str>,
}

/// Asks a token endpoint. Redirects are not followed: what is sent is secret.
pub(crate) async fn ask(
    http: &GuardedClient,
    client: &Client<'_>,
    want: Want<'_>,
    now: DateTime<Utc>,
) -> Result<Token, VaultFailure> {
    let sign_in = |text: &str| VaultFailure::SignIn(text.to_owned());
    let url = Url::parse(client.token_endpoint)
        .map_err(|_| sign_in("the token endpoint is no address"))?;
    let before = match &want {
        Want::Code { .. } => None,
        Want::Refresh { refresh_token } => Some((*refresh_token).to_owned()),
    };
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    let mut request = OutgoingRequest::post(url, form(client, &want).into()).with_headers(headers);
    request.max_body = Some(ANSWER);
    let mut response = http.send(request.clone()).await.map_err(away)?;
    // Some take the app's own credential only in the header (RFC 6749, section 2.3.1).
    if response.status == http::StatusCode::UNAUTHORIZED
        && let Some(secret) = client.client_secret
    {
        let encode =
            |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = STANDARD.encode(format!("{}:{}", encode(client.client_id), encode(secret)));
        if let Ok(value) = HeaderValue::try_from(format!("Basic {pair}")) {
            request.headers.insert(AUTHORIZATION, value);
        }
        response = http.send(request).await.map_err(away)?;
    }
    if response.status.is_server_error() || response.status == http::StatusCode::TOO_MANY_REQUESTS {
        return Err(VaultFailure::Away(format!(
            "the sign-in service answered {}",
            response.status
        )));
    }
    let told: Told = serde_json::from_slice(&response.body).map_err(|_| {
        VaultFailure::Away("the sign-in service answered what is no token".to_owned())
    })?;
    match told.access_token.filter(|token| !token.is_empty() && response.status.is_success()) {
        Some(access_token) => Ok(Token {
            access_token,
            // Without a new one the old one stays good (RFC 6749, section 6).
            refresh_token: told.refresh_token.filter(|token| !token.is_empty()).or(before),
            expires_at: told
                .expires_in
                .and_then(seconds)
                .map(|seconds| now + TimeDelta::seconds(seconds)),
        }),
        None => {
            let error = told.error.unwrap_or_else(|| response.status.to_string());
            let error: String = error.chars().filter(|c| !c.is_control()).take(100).collect();
            Err(VaultFailure::SignIn(format!("the sign-in service refused it ({error})")))
        }
    }
}

/// Why a token endpoint gave no answer. A guest hears it, and whoever signs in: nothing of our network.
fn away(error: HttpError) -> VaultFailure {
    let why = match error {
        HttpError::Timeout => "it did not answer in time",
        HttpError::TooLarge { .. } => "its answer is too large",
        HttpError::Resolve(_) => "its name was not found",
        HttpError::Refused { .. } | HttpError::PlainHttp => {
            "its address is not one that the plugin may reach"
        }
        HttpError::InvalidUrl(_) | HttpError::InvalidRequest(_) => "its address cannot be asked",
        HttpError::Connect(_) | HttpError::Exchange(_) | HttpError::Setup(_) => "no connection",
    };
    VaultFailure::Away(why.to_owned())
}

/// The body of a request for a token.
fn form(client: &Client<'_>, want: &Want<'_>) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    match want {
        Want::Code { code, verifier, redirect_uri } => {
            form.append_pair("grant_type", "authorization_code")
                .append_pair("code", code)
                .append_pair("redirect_uri", redirect_uri)
                .append_pair("code_verifier", verifier);
        }
        Want::Refresh { refresh_token } => {
            form.append_pair("grant_type", "refresh_token")
                .append_pair("refresh_token", refresh_token);
        }
    }
    form.append_pair("client_id", client.client_id);
    if let Some(secret) = client.client_secret {
        form.append_pair("client_secret", secret);
    }
    form.finish()
}

/// A number of seconds; some write it as a text.
fn seconds(value: Value) -> Option<i64> {
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    number.filter(|seconds| (0..=315_360_000).contains(seconds))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_fill_endpoints_and_cannot_bend_them() {
        let template = "https://login.example/{config:/tenant|common}/oauth2/token";
        let text = |config: Value| endpoint(template, &config).map(String::from);
        assert_eq!(
            text(json!({"tenant": "abc-1"})).unwrap(),
            "https://login.example/abc-1/oauth2/token"
        );
        assert_eq!(text(json!({})).unwrap(), "https://login.example/common/oauth2/token");
        for strange in ["a/b", "../x", "a?b", "a#b", "..", "@evil.example"] {
            assert!(text(json!({"tenant": strange})).is_err(), "{strange}");
        }
        let own = "{config:/url}/token";
        assert_eq!(
            endpoint(own, &json!({"url": "https://cloud.example/"})).unwrap().as_str(),
            "https://cloud.example/token"
        );
        for strange in ["file:///etc", "javascript:alert(1)", "https://u:p@a.example"] {
            assert!(endpoint(own, &json!({"url": strange})).is_err(), "{strange}");
        }
        assert!(endpoint(own, &json!({})).is_err());
    }

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
