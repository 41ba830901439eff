//! Devices: the list, a new one, one of them.

use axum::Json;
use axum::extract::State;
use contracts::access::{Access, Resource, SpaceId, actions};
use contracts::api::{Body, Conditions, NewId, Page, PageQuery, Path, Query, etag};
use http::header::{self, HeaderValue};
use http::{HeaderName, StatusCode};
use serde::Deserialize;
use spine::{Problem, Snowflake};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::views::DeviceView;
use crate::device::Device;
use crate::{Connectors, DeviceKind, NewDevice, store};
use contracts::api::problems::{OfBodies, OfLists, OfOne};

/// The devices that the caller may see.
#[utoipa::path(
    get,
    path = "/devices",
    operation_id = "list_devices",
    tag = "devices",
    params(PageQuery),
    responses((status = 200, body = Page<DeviceView>), OfLists)
)]
pub(super) async fn list(
    access: Access,
    State(connectors): State<Connectors>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<DeviceView>>, Problem> {
    let permitted = access.permitted(actions::DEVICE_READ)?;
    let limit = page.limit()?;
    let pool = connectors.spine().pool();
    let found = store::devices::list(pool, &permitted, page.place()?, limit as i64 + 1).await?;
    let views = found.into_iter().map(DeviceView::from).collect();
    Ok(Json(Page::cut(views, limit, |last: &DeviceView| last.id)?))
}

/// A device to be registered.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewDevice)]
pub(super) struct RegisterDevice {
    /// What people call it.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// What kind it is.
    #[serde(default)]
    kind: DeviceKind,
    /// Whose it is; the caller's own where nothing is said.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,19}$")]
    person: Option<Snowflake>,
}

/// Registers a device. The answer has its token, which is told only here; where the same
/// `Idempotency-Key` comes again, the device is answered without one (`/devices/{id}/token` gives another).
#[utoipa::path(
    post,
    path = "/devices",
    operation_id = "register_device",
    tag = "devices",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key registers nothing twice")),
    request_body = RegisterDevice,
    responses((status = 201, body = DeviceView), OfBodies)
)]
pub(super) async fn register(
    access: Access,
    NewId(id): NewId,
    State(connectors): State<Connectors>,
    Body(body): Body<RegisterDevice>,
) -> Result<(StatusCode, [(HeaderName, HeaderValue); 1], Json<DeviceView>), Problem> {
    let person = body.person.or(access.caller().responsible());
    let space = person.map_or_else(SpaceId::household, SpaceId::of_person);
    access.require(actions::DEVICE_WRITE, &Resource::new("device", id.to_string(), space))?;
    let person = person.ok_or_else(|| {
        Problem::forbidden(
            "no-person",
            "A device belongs to a person, and nobody in particular asks",
        )
    })?;
    let new = NewDevice { id, person, name: body.name, kind: body.kind };
    let (device, token) = connectors.register_device(new, access.caller().cause()).await?;
    let tag = [(header::ETAG, etag(device.version))];
    Ok((StatusCode::CREATED, tag, Json(DeviceView { token, ..device.into() })))
}

/// One device. Its `ETag` is the version of what people set.
#[utoipa::path(
    get,
    path = "/devices/{id}",
    operation_id = "read_device",
    tag = "devices",
    params(("id" = Uuid, Path, description = "The device")),
    responses((status = 200, body = DeviceView), OfOne)
)]
pub(super) async fn read(
    access: Access,
    Path(id): Path<Uuid>,
    State(connectors): State<Connectors>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<DeviceView>), Problem> {
    let device = connectors.device(id).await?;
    access.require_visible(actions::DEVICE_READ, &device.resource())?;
    Ok(([(header::ETAG, etag(device.version))], Json(device.into())))
}

/// Another name.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct RenameDevice {
    /// What people call it from now on.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
}

/// Gives a device another name.
#[utoipa::path(
    patch,
    path = "/devices/{id}",
    operation_id = "rename_device",
    tag = "devices",
    params(
        ("id" = Uuid, Path, description = "The device"),
        ("If-Match" = Option<String>, Header, description = "The version that the caller has seen"),
    ),
    request_body = RenameDevice,
    responses((status = 200, body = DeviceView), OfBodies)
)]
pub(super) async fn rename(
    access: Access,
    Path(id): Path<Uuid>,
    conditions: Conditions,
    State(connectors): State<Connectors>,
    Body(body): Body<RenameDevice>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<DeviceView>), Problem> {
    let device = changeable(&access, &connectors, id, &conditions).await?;
    let device = connectors.rename_device(&device, &body.name, access.caller().cause()).await?;
    Ok(([(header::ETAG, etag(device.version))], Json(device.into())))
}

/// Gives a device a new token, told only here; the one before ends at once. For a token that was lost on its way,
/// or that somebody else may have seen.
#[utoipa::path(
    post,
    path = "/devices/{id}/token",
    operation_id = "renew_device_token",
    tag = "devices",
    params(
        ("id" = Uuid, Path, description = "The device"),
        ("If-Match" = Option<String>, Header, description = "The version that the caller has seen"),
    ),
    responses((status = 200, body = DeviceView), OfOne)
)]
pub(super) async fn renew_token(
    access: Access,
    Path(id): Path<Uuid>,
    conditions: Conditions,
    State(connectors): State<Connectors>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<DeviceView>), Problem> {
    let device = changeable(&access, &connectors, id, &conditions).await?;
    let (device, token) = connectors.renew_device_token(&device, access.caller().cause()).await?;
    let tag = [(header::ETAG, etag(device.version))];
    Ok((tag, Json(DeviceView { token: Some(token), ..device.into() })))
}

/// How to remove a device.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Removal {
    /// Whether all that it reported is erased too.
    #[serde(default)]
    erase: bool,
}

/// Removes a device: its token ends at once.
#[utoipa::path(
    delete,
    path = "/devices/{id}",
    operation_id = "remove_device",
    tag = "devices",
    params(
        ("id" = Uuid, Path, description = "The device"),
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
    let device = changeable(&access, &connectors, id, &conditions).await?;
    connectors.remove_device(&device, removal.erase, access.caller().cause()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The device, where the caller may change it and has seen its newest version.
async fn changeable(
    access: &Access,
    connectors: &Connectors,
    id: Uuid,
    conditions: &Conditions,
) -> Result<Device, Problem> {
    let device = connectors.device(id).await?;
    access.require_visible(actions::DEVICE_READ, &device.resource())?;
    access.require(actions::DEVICE_WRITE, &device.resource())?;
    conditions.check(device.version)?;
    Ok(device)
}
