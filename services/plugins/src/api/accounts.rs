//! Secrets of accounts: written, never read.

use axum::Json;
use axum::extract::State;
use contracts::access::Access;
use contracts::api::problems::{OfBodies, OfOne};
use contracts::api::{Body, Path};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use spine::Problem;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::manifest::is_plugin_id;
use crate::secrets::{GivenToken, OwnAccount, SecretStatus};
use crate::service::Plugins;

/// A secret to set: either a text, or a token that was got elsewhere.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSecret {
    /// A text.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 16384)]
    pub value: Option<String>,
    /// A token.
    #[serde(default)]
    pub token: Option<GivenToken>,
}

/// Which secrets are set.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretList {
    /// The secrets that the plugin declares.
    pub secrets: Vec<SecretStatus>,
}

/// A sign-in to begin.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInRequest {
    /// The id that the service gave this node as an app; absent: that of the sign-in before.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 500)]
    pub client_id: Option<String>,
    /// The secret that the service gave this node as an app.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub client_secret: Option<String>,
}

/// A sign-in that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignInBegun {
    /// Where the person is to go; they come back to `/oauth/plugins/callback`.
    #[schema(format = Uri)]
    pub authorization_url: String,
}

/// Which secrets of an account are set; what they are is never told.
#[utoipa::path(
    get, path = "/plugins/{id}/accounts/{account}/secrets", operation_id = "listPluginSecrets", tag = "plugins",
    params(
        ("id" = String, Path, description = "The plugin", pattern = "^[a-z][a-z0-9-]{1,39}$"),
        ("account" = Uuid, Path, description = "The account of the connector or the channel"),
    ),
    responses(
        (status = 200, description = "What is set", body = SecretList),
        OfOne,
    )
)]
pub(super) async fn list_secrets(
    access: Access,
    State(plugins): State<Plugins>,
    Path((id, account)): Path<(String, String)>,
) -> Result<Json<SecretList>, Problem> {
    let own = own(&plugins, &access, &id, &account).await?;
    Ok(Json(SecretList { secrets: plugins.secrets_of(&own).await? }))
}

/// Sets a secret of an account.
#[utoipa::path(
    put, path = "/plugins/{id}/accounts/{account}/secrets/{name}", operation_id = "setPluginSecret", tag = "plugins",
    params(
        ("id" = String, Path, description = "The plugin", pattern = "^[a-z][a-z0-9-]{1,39}$"),
        ("account" = Uuid, Path, description = "The account of the connector or the channel"),
        ("name" = String, Path, description = "The secret", pattern = "^[a-z][a-z0-9_-]{0,39}$"),
    ),
    request_body = SetSecret,
    responses(
        (status = 204, description = "It is set"),
        OfBodies,
    )
)]
pub(super) async fn set_secret(
    access: Access,
    State(plugins): State<Plugins>,
    Path((id, account, name)): Path<(String, String, String)>,
    Body(secret): Body<SetSecret>,
) -> Result<StatusCode, Problem> {
    let own = own(&plugins, &access, &id, &account).await?;
    match (secret.value, secret.token) {
        (Some(value), None) => plugins.set_text(&access, &own, &name, value).await?,
        (None, Some(token)) => plugins.set_token(&access, &own, &name, token).await?,
        _ => {
            return Err(Problem::unprocessable("invalid", "Please send either `value` or `token`"));
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets a secret of an account.
#[utoipa::path(
    delete, path = "/plugins/{id}/accounts/{account}/secrets/{name}", operation_id = "removePluginSecret", tag = "plugins",
    params(
        ("id" = String, Path, description = "The plugin", pattern = "^[a-z][a-z0-9-]{1,39}$"),
        ("account" = Uuid, Path, description = "The account of the connector or the channel"),
        ("name" = String, Path, description = "The secret", pattern = "^[a-z][a-z0-9_-]{0,39}$"),
    ),
    responses(
        (status = 204, description = "It is not set any more"),
        OfOne,
    )
)]
pub(super) async fn remove_secret(
    access: Access,
    State(plugins): State<Plugins>,
    Path((id, account, name)): Path<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let own = own(&plugins, &access, &id, &account).await?;
    plugins.remove_secret(&access, &own, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begins the sign-in for a secret.
#[utoipa::path(
    post, path = "/plugins/{id}/accounts/{account}/oauth/{secret}/start", operation_id = "beginPluginSignIn", tag = "plugins",
    params(
        ("id" = String, Path, description = "The plugin", pattern = "^[a-z][a-z0-9-]{1,39}$"),
        ("account" = Uuid, Path, description = "The account of the connector or the channel"),
        ("secret" = String, Path, description = "The secret", pattern = "^[a-z][a-z0-9_-]{0,39}$"),
    ),
    request_body = SignInRequest,
    responses(
        (status = 200, description = "Where the person is to go", body = SignInBegun),
        OfBodies,
    )
)]
pub(super) async fn begin_sign_in(
    access: Access,
    State(plugins): State<Plugins>,
    Path((id, account, secret)): Path<(String, String, String)>,
    Body(body): Body<SignInRequest>,
) -> Result<Json<SignInBegun>, Problem> {
    let own = own(&plugins, &access, &id, &account).await?;
    let client = body.client_id.map(|id| (id, body.client_secret));
    let url = plugins.begin_sign_in(&access, &own, &secret, client).await?;
    Ok(Json(SignInBegun { authorization_url: url.into() }))
}

/// The account, where the caller may change it.
async fn own(
    plugins: &Plugins,
    access: &Access,
    id: &str,
    account: &str,
) -> Result<OwnAccount, Problem> {
    let account = Uuid::try_parse(account).map_err(|_| Problem::not_found())?;
    if !is_plugin_id(id) {
        return Err(Problem::not_found());
    }
    Ok(plugins.own_account(access, id, account).await?)
}
