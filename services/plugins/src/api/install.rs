//! `POST /plugins`, `POST /plugins/{id}/upgrade`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use contracts::access::{Access, actions};
use contracts::api::problems::answers;
use contracts::api::{Conditions, Path, ProblemDocument, Query, etag};
use http::{StatusCode, header};
use spine::Problem;
use utoipa::IntoResponses;
use utoipa::openapi::RefOr;

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
        (status = 409, description = "Another component of this id is installed", body = ProblemDocument, content_type = "application/problem+json"),
        OfComponents,
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
        OfComponents,
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

/// The problems of bringing a component.
struct OfComponents;

impl IntoResponses for OfComponents {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        answers(&[
            ("400", "The request cannot be read"),
            ("404", "There is no such plugin"),
            ("412", "It was changed meanwhile"),
            ("413", "The component is larger than 20 MiB"),
            ("415", "This is no way to send a component"),
        ])
    }
}

async fn answer(plugins: &Plugins, id: &str, status: StatusCode) -> Result<Response, Problem> {
    let installed = plugins.0.catalogue.find(id).ok_or_else(Problem::not_found)?;
    let tag = [(header::ETAG, etag(installed.revision))];
    Ok((status, tag, Json(plugins.view(&installed).await?)).into_response())
}
