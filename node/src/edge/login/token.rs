//! Tokens: issued and revoked (RFC 6749, section 5; RFC 7009).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use identity::{App, CodeExchange, IdentityError};
use serde::{Deserialize, Serialize};
use spine::Problem;

use crate::edge::permissive::Permissive;
use crate::services::Services;

/// What an app sends for a token.
#[derive(Deserialize)]
pub struct TokenRequest {
    #[serde(default)]
    grant_type: String,
    client_id: Option<String>,
    client_secret: Option<String>,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    username: Option<String>,
    password: Option<String>,
    scope: Option<String>,
}

/// What an app sends to end one.
#[derive(Deserialize)]
pub struct RevokeRequest {
    client_id: Option<String>,
    client_secret: Option<String>,
    #[serde(default)]
    token: String,
}

/// The `Token` entity.
#[derive(Serialize)]
pub struct TokenView {
    access_token: String,
    token_type: &'static str,
    scope: String,
    created_at: i64,
}

/// The app that proves itself, by parameters or by HTTP Basic (RFC 6749, section 2.3.1).
async fn client(
    services: &Services,
    headers: &HeaderMap,
    id: Option<String>,
    secret: Option<String>,
) -> Result<App, Problem> {
    let basic = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|text| STANDARD.decode(text.trim()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let (id, secret) = match basic.as_deref().and_then(|pair| pair.split_once(':')) {
        Some((id, secret)) => (id.to_owned(), secret.to_owned()),
        None => (id.unwrap_or_default(), secret.unwrap_or_default()),
    };
    Ok(services.identity.verify_client(&id, &secret).await?)
}

/// `POST /oauth/token`
///
/// # Errors
/// OAuth's own errors, as problem documents.
pub async fn issue(
    State(services): State<Services>,
    headers: HeaderMap,
    request: Result<Permissive<TokenRequest>, Problem>,
) -> Result<Response, Problem> {
    let answer = async { issue_for(&services, &headers, request?.0).await };
    answer.await.map_err(Problem::for_oauth)
}

async fn issue_for(
    services: &Services,
    headers: &HeaderMap,
    request: TokenRequest,
) -> Result<Response, Problem> {
    let app = client(services, headers, request.client_id, request.client_secret).await?;
    let identity = &services.identity;
    let scope = request.scope.as_deref();
    let issued = match request.grant_type.as_str() {
        "authorization_code" => {
            let missing = IdentityError::InvalidRequest("code and redirect_uri are needed.");
            let (Some(code), Some(redirect_uri)) = (&request.code, &request.redirect_uri) else {
                return Err(missing.into());
            };
            let verifier = request.code_verifier.as_deref();
            identity.redeem_code(&app, CodeExchange { code, redirect_uri, verifier }).await?
        }
        "client_credentials" => identity.grant_to_app(&app, scope).await?,
        "password" => {
            let login = request.username.as_deref().unwrap_or_default();
            let password = request.password.as_deref().unwrap_or_default();
            identity.grant_to_password(&app, login, password, scope).await?
        }
        _ => return Err(IdentityError::UnsupportedGrant.into()),
    };
    let view = TokenView {
        access_token: issued.access_token,
        token_type: "Bearer",
        scope: issued.scopes.to_string(),
        created_at: issued.created_at.timestamp(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(view)).into_response())
}

/// `POST /oauth/revoke`
///
/// # Errors
/// The app is unknown.
pub async fn revoke(
    State(services): State<Services>,
    headers: HeaderMap,
    request: Result<Permissive<RevokeRequest>, Problem>,
) -> Result<Json<serde_json::Value>, Problem> {
    let answer = async {
        let Permissive(request) = request?;
        let app = client(&services, &headers, request.client_id, request.client_secret).await?;
        services.identity.revoke(&app, &request.token).await?;
        Ok::<_, Problem>(Json(serde_json::json!({})))
    };
    answer.await.map_err(Problem::for_oauth)
}
