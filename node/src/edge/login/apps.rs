//! Apps register themselves (Mastodon, methods/apps).

use axum::Json;
use axum::extract::State;
use identity::{App, NewApp};
use serde::{Deserialize, Serialize};
use spine::Problem;

use crate::edge::caller::Caller;
use crate::edge::permissive::Permissive;
use crate::services::Services;

/// One redirect URI, several in one text, or a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum RedirectUris {
    One(String),
    Many(Vec<String>),
}

impl RedirectUris {
    fn split(self) -> Vec<String> {
        match self {
            Self::One(text) => text.split_whitespace().map(str::to_owned).collect(),
            Self::Many(list) => {
                list.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect()
            }
        }
    }
}

/// What an app says of itself.
#[derive(Deserialize)]
pub struct RegisterApp {
    #[serde(default)]
    client_name: String,
    redirect_uris: Option<RedirectUris>,
    redirect_uri: Option<RedirectUris>,
    #[serde(default)]
    scopes: String,
    website: Option<String>,
}

/// The `Application` entity, as an app sees itself.
#[derive(Serialize)]
pub struct AppView {
    id: String,
    name: String,
    website: Option<String>,
    scopes: Vec<String>,
    redirect_uri: String,
    redirect_uris: Vec<String>,
    vapid_key: &'static str,
}

/// The `CredentialApplication` entity: with the secret, shown once.
#[derive(Serialize)]
pub struct RegisteredAppView {
    #[serde(flatten)]
    app: AppView,
    client_id: String,
    client_secret: String,
    client_secret_expires_at: u32,
}

fn view(app: &App) -> AppView {
    AppView {
        id: app.id.to_string(),
        name: app.name.clone(),
        website: app.website.clone(),
        scopes: app.scopes.names().to_vec(),
        redirect_uri: app.redirect_uris.join("\n"),
        redirect_uris: app.redirect_uris.clone(),
        vapid_key: "",
    }
}

/// `POST /api/v1/apps`
///
/// # Errors
/// 422 says what is missing.
pub async fn register(
    State(services): State<Services>,
    Permissive(app): Permissive<RegisterApp>,
) -> Result<Json<RegisteredAppView>, Problem> {
    let redirects = app.redirect_uris.or(app.redirect_uri).map(RedirectUris::split);
    let registered = services
        .identity
        .register_app(NewApp {
            name: app.client_name,
            website: app.website,
            redirect_uris: redirects.unwrap_or_default(),
            scopes: app.scopes,
        })
        .await?;
    Ok(Json(RegisteredAppView {
        app: view(&registered.app),
        client_id: registered.app.client_id,
        client_secret: registered.client_secret,
        client_secret_expires_at: 0,
    }))
}

/// `GET /api/v1/apps/verify_credentials`
///
/// # Errors
/// 401 without a token.
pub async fn verify_credentials(
    State(services): State<Services>,
    caller: Caller,
) -> Result<Json<AppView>, Problem> {
    let missing = || Problem::unauthorized("no-token", "The access token is invalid");
    let app_id = caller.grant().map(|grant| grant.app_id).ok_or_else(missing)?;
    let app = services.identity.app_by_number(app_id).await?.ok_or_else(missing)?;
    Ok(Json(view(&app)))
}
