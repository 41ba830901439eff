//! `GET /plugins`, `GET /plugins/{id}`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contracts::access::{Access, actions};
use contracts::api::problems::{OfLists, OfOne};
use contracts::api::{Page, PageQuery, Path, Query, etag};
use http::header;
use spine::Problem;

use super::resource;
use super::view::{PluginSummary, PluginView};
use crate::manifest::is_plugin_id;
use crate::service::Plugins;

/// The plugins of this node, by id.
#[utoipa::path(
    get, path = "/plugins", operation_id = "listPlugins", tag = "plugins", params(PageQuery),
    responses(
        (status = 200, description = "Plugins", body = Page<PluginSummary>),
        OfLists,
    )
)]
pub(super) async fn list_plugins(
    access: Access,
    State(plugins): State<Plugins>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<PluginSummary>>, Problem> {
    access.require(actions::PLUGIN_READ, &resource("*"))?;
    let limit = query.limit()?;
    let after: Option<String> = query.place()?;
    let all = plugins.0.catalogue.all().into_iter();
    let rest = all.filter(|installed| after.as_deref().is_none_or(|after| installed.id() > after));
    let items = rest.take(limit + 1).map(|installed| PluginSummary::of(&installed)).collect();
    Ok(Json(Page::cut(items, limit, |last: &PluginSummary| last.id.clone())?))
}

/// A plugin: what it says of itself, asks for and was granted, and how it does.
#[utoipa::path(
    get, path = "/plugins/{id}", operation_id = "getPlugin", tag = "plugins",
    params(("id" = String, Path, description = "The plugin", pattern = "^[a-z][a-z0-9-]{1,39}$")),
    responses(
        (status = 200, description = "The plugin", body = PluginView, headers(("etag" = String, description = "Its version"))),
        OfOne,
    )
)]
pub(super) async fn get_plugin(
    access: Access,
    State(plugins): State<Plugins>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    if !is_plugin_id(&id) {
        return Err(Problem::not_found());
    }
    access.require_visible(actions::PLUGIN_READ, &resource(&id))?;
    let installed = plugins.0.catalogue.find(&id).ok_or_else(Problem::not_found)?;
    // Its health changes without it: nobody is told that they have it already.
    let tag = [(header::ETAG, etag(installed.revision))];
    Ok((tag, Json(plugins.view(&installed).await?)).into_response())
}
