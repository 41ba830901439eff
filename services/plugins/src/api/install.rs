//! `POST /plugins`, `POST /plugins/{id}/upgrade`.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use contracts::access::{Access, actions};
use contracts::api::{Conditions, Path, ProblemDocument, Query, etag};
use http::{StatusCode, header};
use spine::Problem;

use super::incoming::{self, InstallForm, InstallFromUrl, InstallQuery};
use super::view::PluginView;
use super::{may_change, resource};
use crate::lifecycle::Installation;
use crate::service::Plugins;

/// Installs a plugin: a component as the body, as a file in a form, or by its address. The answer says what
/// it asks for; it does nothing until that is granted and it is enabled.
#[utoipa::path(
    post, path = "/plugins", operation_id = "installPlugin", tag = "plugins", params(InstallQuery),
    request_body(content(
        (InstallFromUrl = "application/json"),
        (InstallForm = "multipart/form-data"),
        (Vec<u8> = "application/wasm"),
    )),
    responses(
        (status = 201, description = "It is installed", body = PluginView, headers(("etag" = String, description = "Its version"))),
        (status = 200, description = "This very component was installed already", body = PluginView, headers(("etag" = String, description = "Its version"))),
        (status = 400, description = "The request cannot be read", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "Nobody asks", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "Not permitted", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "Another component of this id is installed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "The component is larger than 20 MiB", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, description = "This is no way to send a component", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "The component is refused", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "The node cannot do it now", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn install_plugin(
    access: Access,
    State(plugins): State<Plugins>,
    Query(query): Query<InstallQuery>,
    request: Request,
) -> Result<Response, Problem> {
    access.require(actions::PLUGIN_WRITE, &resource("*"))?;
    let source = incoming::read(request, query).await?;
    let (id, installation) = plugins.install(&access.caller().cause(), source).await?;
    let status = match installation {
        Installation::Done | Installation::Pending => StatusCode::CREATED,
        Installation::Unchanged => StatusCode::OK,
    };
    answer(&plugins, &id, status).await
}

/// Upgrades a plugin. A version that asks for more than was granted waits (202) until it is granted; the one
/// before stays until then.
#[utoipa::path(
    post, path = "/plugins/{id}/upgrade", operation_id = "upgradePlugin", tag = "plugins",
    params(("id" = String, Path, description = "The plugin", pattern = "^[a-z][a-z0-9-]{1,39}$"), InstallQuery),
    request_body(content(
        (InstallFromUrl = "application/json"),
        (InstallForm = "multipart/form-data"),
        (Vec<u8> = "application/wasm"),
    )),
    responses(
        (status = 200, description = "The new version is called from now on", body = PluginView, headers(("etag" = String, description = "Its version"))),
        (status = 202, description = "The new version waits for a grant", body = PluginView, headers(("etag" = String, description = "Its version"))),
        (status = 400, description = "The request cannot be read", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "Nobody asks", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "Not permitted", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "There is no such plugin", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 412, description = "It was changed meanwhile", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "The component is larger than 20 MiB", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, description = "This is no way to send a component", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "The component is refused", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "The node cannot do it now", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn upgrade_plugin(
    access: Access,
    State(plugins): State<Plugins>,
    Path(id): Path<String>,
    conditions: Conditions,
    Query(query): Query<InstallQuery>,
    request: Request,
) -> Result<Response, Problem> {
    may_change(&access, &id)?;
    let source = incoming::read(request, query).await?;
    let installation = plugins.upgrade(&access.caller().cause(), &id, source, &conditions).await?;
    let status = match installation {
        Installation::Done | Installation::Unchanged => StatusCode::OK,
        Installation::Pending => StatusCode::ACCEPTED,
    };
    answer(&plugins, &id, status).await
}

async fn answer(plugins: &Plugins, id: &str, status: StatusCode) -> Result<Response, Problem> {
    let installed = plugins.0.catalogue.find(id).ok_or_else(Problem::not_found)?;
    let tag = [(header::ETAG, etag(installed.revision))];
    Ok((status, tag, Json(plugins.view(&installed).await?)).into_response())
}
