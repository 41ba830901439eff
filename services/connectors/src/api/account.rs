//! One account: read, changed, paused, synchronised, removed.

use axum::Json;
use axum::extract::State;
use contracts::access::{Access, Resource, SpaceId, actions};
use contracts::api::{Body, Conditions, Path, Query, etag};
use http::header::{self, HeaderValue};
use http::{HeaderName, StatusCode};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use spine::Problem;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::views::AccountView;
use crate::account::Account;
use crate::{AccountChange, Connectors};
use contracts::api::problems::{OfBodies, OfOne};

type Answer = Result<([(HeaderName, HeaderValue); 1], Json<AccountView>), Problem>;

fn answer(account: Account) -> Answer {
    Ok(([(header::ETAG, etag(account.version))], Json(account.into())))
}

/// The account, where the caller may change it and has seen its newest version.
async fn changeable(
    access: &Access,
    connectors: &Connectors,
    id: Uuid,
    conditions: &Conditions,
) -> Result<Account, Problem> {
    let account = connectors.account(id).await?;
    access.require_visible(actions::CONNECTOR_READ, &account.resource())?;
    access.require(actions::CONNECTOR_WRITE, &account.resource())?;
    conditions.check(account.version)?;
    Ok(account)
}

/// One account, with its health. Its `ETag` is the version of what people set.
#[utoipa::path(
    get,
    path = "/connectors/{id}",
    operation_id = "read_connector",
    tag = "connectors",
    params(("id" = Uuid, Path, description = "The account")),
    responses((status = 200, body = AccountView), OfOne)
)]
pub(super) async fn read(
    access: Access,
    Path(id): Path<Uuid>,
    State(connectors): State<Connectors>,
) -> Answer {
    let account = connectors.account(id).await?;
    access.require_visible(actions::CONNECTOR_READ, &account.resource())?;
    answer(account)
}

/// What is to be changed; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChangeConnector)]
pub(super) struct ChangeAccount {
    /// What people call it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// The plugin's settings, all of them.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
    /// Where what comes from it belongs from now on.
    #[serde(default)]
    space: Option<SpaceId>,
    /// What everything from it is labelled with from now on.
    #[serde(default)]
    #[schema(max_items = 20)]
    labels: Option<Vec<String>>,
    /// Seconds between syncs; `null`: by webhook and by hand only.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<u32>, minimum = 60, maximum = 2_592_000)]
    schedule: Option<Option<u32>>,
    /// The consent that it rests on; `null`: none.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<Uuid>)]
    consent: Option<Option<Uuid>>,
}

/// Tells `null` from nothing said.
fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Changes an account. One that waits for its owner is tried again where its settings changed.
#[utoipa::path(
    patch,
    path = "/connectors/{id}",
    operation_id = "change_connector",
    tag = "connectors",
    params(
        ("id" = Uuid, Path, description = "The account"),
        ("If-Match" = Option<String>, Header, description = "The version that the caller has seen"),
    ),
    request_body = ChangeAccount,
    responses((status = 200, body = AccountView), OfBodies)
)]
pub(super) async fn change(
    access: Access,
    Path(id): Path<Uuid>,
    conditions: Conditions,
    State(connectors): State<Connectors>,
    Body(body): Body<ChangeAccount>,
) -> Answer {
    let account = changeable(&access, &connectors, id, &conditions).await?;
    if body.space.is_some() || body.labels.is_some() {
        let space = body.space.clone().unwrap_or_else(|| account.space.clone());
        let labels = body.labels.clone().unwrap_or_else(|| account.labels.clone());
        let there = Resource::new("connector", id.to_string(), space).labelled(labels);
        access.require(actions::CONNECTOR_WRITE, &there)?;
    }
    let change = AccountChange {
        name: body.name,
        config: body.config,
        space: body.space,
        labels: body.labels,
        schedule: body.schedule,
        consent: body.consent,
    };
    answer(connectors.change(account, change, access.caller().cause()).await?)
}

/// How to remove an account.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Removal {
    /// Whether all that came from it is erased too: it then becomes unreadable for ever.
    #[serde(default)]
    erase: bool,
}

/// Removes an account.
#[utoipa::path(
    delete,
    path = "/connectors/{id}",
    operation_id = "remove_connector",
    tag = "connectors",
    params(
        ("id" = Uuid, Path, description = "The account"),
        Removal,
        ("If-Match" = Option<String>, Header, description = "The version that the caller has seen"),
    ),
    responses((status = 204, description = "It is removed"), OfOne)
)]
pub(super) async fn remove(
    access: Access,
    Path(id): Path<Uuid>,
    conditions: Conditions,
    State(connectors): State<Connectors>,
    Query(removal): Query<Removal>,
) -> Result<StatusCode, Problem> {
    changeable(&access, &connectors, id, &conditions).await?;
    connectors.remove(id, removal.erase, access.caller().cause()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stops an account's syncs until it is resumed.
#[utoipa::path(
    post,
    path = "/connectors/{id}/pause",
    operation_id = "pause_connector",
    tag = "connectors",
    params(("id" = Uuid, Path, description = "The account")),
    responses((status = 200, body = AccountView), OfOne)
)]
pub(super) async fn pause(
    access: Access,
    Path(id): Path<Uuid>,
    conditions: Conditions,
    State(connectors): State<Connectors>,
) -> Answer {
    let account = changeable(&access, &connectors, id, &conditions).await?;
    answer(connectors.pause(account, access.caller().cause()).await?)
}

/// Goes on with an account: after a pause, after its owner signed in again.
#[utoipa::path(
    post,
    path = "/connectors/{id}/resume",
    operation_id = "resume_connector",
    tag = "connectors",
    params(("id" = Uuid, Path, description = "The account")),
    responses((status = 200, body = AccountView), OfOne)
)]
pub(super) async fn resume(
    access: Access,
    Path(id): Path<Uuid>,
    conditions: Conditions,
    State(connectors): State<Connectors>,
) -> Answer {
    let account = changeable(&access, &connectors, id, &conditions).await?;
    answer(connectors.resume(account, access.caller().cause()).await?)
}

/// Has an account synchronised now.
#[utoipa::path(
    post,
    path = "/connectors/{id}/sync",
    operation_id = "sync_connector",
    tag = "connectors",
    params(("id" = Uuid, Path, description = "The account")),
    responses((status = 202, body = AccountView, description = "It begins soon"), OfOne)
)]
pub(super) async fn sync(
    access: Access,
    Path(id): Path<Uuid>,
    conditions: Conditions,
    State(connectors): State<Connectors>,
) -> Result<(StatusCode, Json<AccountView>), Problem> {
    let account = changeable(&access, &connectors, id, &conditions).await?;
    must_be_active(&account)?;
    connectors.sync_now(id, access.caller().cause()).await?;
    Ok((StatusCode::ACCEPTED, Json(account.into())))
}

/// Has everything of an account read again from the beginning.
#[utoipa::path(
    post,
    path = "/connectors/{id}/resync",
    operation_id = "resync_connector",
    tag = "connectors",
    params(("id" = Uuid, Path, description = "The account")),
    responses((status = 202, body = AccountView, description = "It begins soon"), OfOne)
)]
pub(super) async fn resync(
    access: Access,
    Path(id): Path<Uuid>,
    conditions: Conditions,
    State(connectors): State<Connectors>,
) -> Result<(StatusCode, Json<AccountView>), Problem> {
    let account = changeable(&access, &connectors, id, &conditions).await?;
    must_be_active(&account)?;
    connectors.resync(&account, access.caller().cause()).await?;
    Ok((StatusCode::ACCEPTED, Json(account.into())))
}

fn must_be_active(account: &Account) -> Result<(), Problem> {
    if account.state == crate::AccountState::Active {
        return Ok(());
    }
    Err(Problem::unprocessable("not-active", "This account is not active; resume it first"))
}
