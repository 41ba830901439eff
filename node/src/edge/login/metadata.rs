//! What apps can find out before they log in (RFC 8414), and who logged in.

use axum::Json;
use axum::extract::State;
use identity::Scopes;
use serde_json::{Value, json};
use spine::Problem;

use crate::edge::caller::Caller;
use crate::policy::Action;
use crate::services::Services;

/// Asks who the person is.
const USER_INFO: Action = Action::person("identity.userinfo", "profile");

/// `GET /.well-known/oauth-authorization-server`; `app_registration_endpoint` is Mastodon's name.
pub async fn authorization_server(State(services): State<Services>) -> Json<Value> {
    let origin = &services.origin;
    let mut grants = vec!["authorization_code", "client_credentials"];
    if services.identity.settings().password_grant {
        grants.push("password");
    }
    Json(json!({
        "issuer": format!("{origin}/"),
        "authorization_endpoint": format!("{origin}/oauth/authorize"),
        "token_endpoint": format!("{origin}/oauth/token"),
        "revocation_endpoint": format!("{origin}/oauth/revoke"),
        "userinfo_endpoint": format!("{origin}/oauth/userinfo"),
        "app_registration_endpoint": format!("{origin}/api/v1/apps"),
        "scopes_supported": Scopes::known(),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": grants,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "service_documentation": "https://docs.joinmastodon.org/",
    }))
}

/// `GET /oauth/userinfo` (OpenID Connect's shape, as Mastodon answers it).
///
/// # Errors
/// 401 without a token of a person, 403 without the scope `profile`.
pub async fn user_info(
    State(services): State<Services>,
    caller: Caller,
) -> Result<Json<Value>, Problem> {
    let account = caller.person(&USER_INFO, "account")?;
    let credentials = services.social.credentials(account).await?.account;
    Ok(Json(json!({
        "iss": format!("{}/", services.origin),
        "sub": credentials.uri,
        "name": credentials.display_name,
        "preferred_username": credentials.username,
        "profile": credentials.url,
        "picture": credentials.avatar,
    })))
}
