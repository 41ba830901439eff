//! Grant, enable, disable, roll back, remove.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contracts::access::Access;
use contracts::api::problems::{OfBodies, OfOne};
use contracts::api::{Body, Conditions, Path, ProblemDocument, etag};
use http::{StatusCode, header};
use serde::Deserialize;
use spine::Problem;
use utoipa::ToSchema;

use super::may_change;
use super::view::PluginView;
use crate::plugin::Grant;
use crate::service::Plugins;

/// To which version to go back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollBack {
    /// A version that is kept; absent: the newest one before.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub version: Option<String>,
}

/// Grants a plugin what it asks for (`asks` of the plugin, or of its pending version, is a grant's
/// `capabilities`), and private networks, where it is to reach any.
#[utoipa::path(
    post, path = "/plugins/{id}/grant", operation_id = "grantPlugin", tag = "plugins",
    params(("id" = String, Path, description = "The plugin", pattern = "^[a-z][a-z0-9-]{1,39}$")),
    request_body = Grant,
    responses(
        (status = 200, description = "It is granted", body = PluginView, headers(("etag" = String, description = "Its version"))),
        OfBodies,
    )
)]
pub(super) async fn grant_plugin(
    access: Access,
    State(plugins): State<Plugins>,
    Path(id): Path<String>,
    conditions: Conditions,
    Body(grant): Body<Grant>,
) -> Result<Response, Problem> {
    may_change(&access, &id)?;
    let cause = access.caller().cause();
    plugins.grant(&cause, &id, &grant, &conditions).await?;
    shown(&plugins, &id).await
}

/// Enables a plugin, also one that was quarantined.
#[utoipa::path(
    post, path = "/plugins/{id}/enable", operation_id = "enablePlugin", tag = "plugins",
    params(("id" = String, Path, description = "The plugin", pattern = "^[a-z][a-z0-9-]{1,39}$")),
    responses(
        (status = 200, description = "It is called from now on", body = PluginView, headers(("etag" = String, description = "Its version"))),
        (status = 409, description = "It asks for more than was granted", body = ProblemDocument, content_type = "application/problem+json"),
        OfOne,
    )
)]
pub(super) async fn enable_plugin(
    access: Access,
    State(plugins): State<Plugins>,
    Path(id): Path<String>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    may_change(&access, &id)?;
    let cause = access.caller().cause();
    plugins.enable(&cause, &id, &conditions).await?;
    shown(&plugins, &id).await
}

/// Disables a plugin; calls that run end.
#[utoipa::path(
    post, path = "/plugins/{id}/disable", operation_id = "disablePlugin", tag = "plugins",
    params(("id" = String, Path, description = "The plugin", pattern = "^[a-z][a-z0-9-]{1,39}$")),
    responses(
        (status = 200, description = "It is not called any more", body = PluginView, headers(("etag" = String, description = "Its version"))),
        OfOne,
    )
)]
pub(super) async fn disable_plugin(
    access: Access,
    State(plugins): State<Plugins>,
    Path(id): Path<String>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    may_change(&access, &id)?;
    let cause = access.caller().cause();
    plugins.disable(&cause, &id, &conditions).await?;
    shown(&plugins, &id).await
}

/// Goes back to a version that is kept.
#[utoipa::path(
    post, path = "/plugins/{id}/rollback", operation_id = "rollBackPlugin", tag = "plugins",
    params(("id" = String, Path, description = "The plugin", pattern = "^[a-z][a-z0-9-]{1,39}$")),
    request_body = RollBack,
    responses(
        (status = 200, description = "That version is called from now on", body = PluginView, headers(("etag" = String, description = "Its version"))),
        (status = 409, description = "There is no such version, or it asks for more than was granted", body = ProblemDocument, content_type = "application/problem+json"),
        OfBodies,
    )
)]
pub(super) async fn roll_back_plugin(
    access: Access,
    State(plugins): State<Plugins>,
    Path(id): Path<String>,
    conditions: Conditions,
    Body(body): Body<RollBack>,
) -> Result<Response, Problem> {
    may_change(&access, &id)?;
    let cause = access.caller().cause();
    let to = body.version.as_deref();
    plugins.roll_back(&cause, &id, to, &conditions).await?;
    shown(&plugins, &id).await
}

/// Removes a plugin, with the secrets and the state of all of its accounts. What it brought stays.
#[utoipa::path(
    delete, path = "/plugins/{id}", operation_id = "removePlugin", tag = "plugins",
    params(("id" = String, Path, description = "The plugin", pattern = "^[a-z][a-z0-9-]{1,39}$")),
    responses(
        (status = 204, description = "It is gone"),
        OfOne,
    )
)]
pub(super) async fn remove_plugin(
    access: Access,
    State(plugins): State<Plugins>,
    Path(id): Path<String>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    may_change(&access, &id)?;
    plugins.remove(&access.caller().cause(), &id, &conditions).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn shown(plugins: &Plugins, id: &str) -> Result<Response, Problem> {
    let installed = plugins.0.catalogue.find(id).ok_or_else(Problem::not_found)?;
    let tag = [(header::ETAG, etag(installed.revision))];
    Ok((tag, Json(plugins.view(&installed).await?)).into_response())
}
