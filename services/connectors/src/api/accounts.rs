//! The list of accounts, and a new one.

use axum::Json;
use axum::extract::State;
use contracts::access::{Access, Resource, SpaceId, actions};
use contracts::api::{Body, NewId, Page, PageQuery, ProblemDocument, Query, etag};
use http::header::{self, HeaderValue};
use http::{HeaderName, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use spine::Problem;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::views::AccountView;
use crate::store::accounts::Wanted;
use crate::{AccountState, Connectors, NewAccount, store};
use contracts::api::problems::{OfBodies, OfLists};

/// Which accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only of this plugin.
    #[serde(default)]
    plugin: Option<String>,
    /// Only in this state.
    #[serde(default)]
    state: Option<AccountState>,
    /// Only in this space.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    space: Option<SpaceId>,
}

/// The accounts of connectors that the caller may see, with their health.
#[utoipa::path(
    get,
    path = "/connectors",
    operation_id = "list_connectors",
    tag = "connectors",
    params(Filter, PageQuery),
    responses(
        (status = 200, body = Page<AccountView>),
        (
            status = 401,
            description = "Nobody asks",
            body = ProblemDocument,
            content_type = "application/problem+json",
        ),
        OfLists,
    )
)]
pub(super) async fn list(
    access: Access,
    State(connectors): State<Connectors>,
    Query(filter): Query<Filter>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<AccountView>>, Problem> {
    let permitted = access.permitted(actions::CONNECTOR_READ)?;
    let limit = page.limit()?;
    if filter.plugin.as_ref().is_some_and(|plugin| plugin.contains('\0')) {
        return Err(Problem::unprocessable("invalid", "`plugin` must not have the character NUL"));
    }
    let wanted = Wanted {
        plugin: filter.plugin.as_deref(),
        state: filter.state,
        space: filter.space.as_ref().map(SpaceId::as_str),
        after: page.place()?,
        limit: limit as i64 + 1,
    };
    let found = store::accounts::list(connectors.spine().pool(), &permitted, &wanted).await?;
    let views = found.into_iter().map(AccountView::from).collect();
    Ok(Json(Page::cut(views, limit, |last: &AccountView| last.id)?))
}

/// An account to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewConnector)]
pub(super) struct AddAccount {
    /// Which plugin: see `/plugins`.
    #[schema(pattern = "^[a-z0-9._-]{1,64}$")]
    plugin: String,
    /// What people call it.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// The plugin's settings, as its configuration schema describes them.
    #[serde(default = "nothing")]
    #[schema(value_type = Object)]
    config: Value,
    /// Where what comes from it belongs; the caller's own space where nothing is said.
    #[serde(default)]
    space: Option<SpaceId>,
    /// What everything from it is labelled with; `health`, `finance`, `location`, `minor` and `intimate` are
    /// guarded more closely.
    #[serde(default)]
    #[schema(max_items = 20)]
    labels: Vec<String>,
    /// Seconds between syncs; as the plugin asks where nothing is said.
    #[serde(default)]
    #[schema(minimum = 60, maximum = 2_592_000)]
    schedule: Option<u32>,
    /// The consent that it rests on.
    #[serde(default)]
    consent: Option<Uuid>,
}

fn nothing() -> Value {
    Value::Object(serde_json::Map::new())
}

/// Adds an account, and begins its first sync.
#[utoipa::path(
    post,
    path = "/connectors",
    operation_id = "add_connector",
    tag = "connectors",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key adds nothing twice")),
    request_body = AddAccount,
    responses((status = 201, body = AccountView), OfBodies)
)]
pub(super) async fn add(
    access: Access,
    NewId(id): NewId,
    State(connectors): State<Connectors>,
    Body(body): Body<AddAccount>,
) -> Result<(StatusCode, [(HeaderName, HeaderValue); 1], Json<AccountView>), Problem> {
    let owner = access.caller().responsible();
    let space = match (body.space, owner) {
        (Some(space), _) => space,
        (None, Some(owner)) => SpaceId::of_person(owner),
        (None, None) => SpaceId::household(),
    };
    let resource = Resource::new("connector", id.to_string(), space.clone())
        .labelled(body.labels.iter().cloned());
    access.require(actions::CONNECTOR_WRITE, &resource)?;
    let owner = owner.ok_or_else(|| {
        Problem::forbidden(
            "no-person",
            "An account belongs to a person, and nobody in particular asks",
        )
    })?;
    let account = NewAccount {
        id,
        plugin: body.plugin,
        name: body.name,
        owner,
        space,
        labels: body.labels,
        config: body.config,
        schedule: body.schedule,
        consent: body.consent,
    };
    let account = connectors.add(account, access.caller().cause()).await?;
    // By its key it may be one that was added before, and moved since.
    access.require_visible(actions::CONNECTOR_READ, &account.resource())?;
    let tag = [(header::ETAG, etag(account.version))];
    Ok((StatusCode::CREATED, tag, Json(account.into())))
}
