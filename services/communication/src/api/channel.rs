//! One channel: read, changed, removed.

use axum::Json;
use axum::extract::State;
use contracts::access::{Access, Resource, SpaceId, actions};
use contracts::api::{Body, Conditions, Path, Query, etag};
use http::header::{self, HeaderValue};
use http::{HeaderName, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use spine::Problem;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::views::ChannelView;
use crate::{Channel, ChannelChange, Communication};
use contracts::api::problems::{OfBodies, OfOne};

type Answer = Result<([(HeaderName, HeaderValue); 1], Json<ChannelView>), Problem>;

fn answer(channel: Channel) -> Answer {
    Ok(([(header::ETAG, etag(channel.version))], Json(channel.into())))
}

/// The channel, where the caller may change it and has seen its newest version.
async fn changeable(
    access: &Access,
    communication: &Communication,
    id: Uuid,
    conditions: &Conditions,
) -> Result<Channel, Problem> {
    let channel = communication.channel(id).await?;
    access.require_visible(actions::CONNECTOR_READ, &channel.resource())?;
    access.require(actions::CHANNEL_WRITE, &channel.resource())?;
    conditions.check(channel.version)?;
    Ok(channel)
}

/// One channel. Its `ETag` is the version of what people set.
#[utoipa::path(
    get,
    path = "/channels/{id}",
    operation_id = "read_channel",
    tag = "communication",
    params(
        ("id" = Uuid, Path, description = "The channel"),
        ("If-None-Match" = Option<String>, Header, description = "The version that the caller has"),
    ),
    responses(
        (status = 200, body = ChannelView),
        (status = 304, description = "The caller has this version"),
        OfOne,
    )
)]
pub(super) async fn read(
    access: Access,
    Path(id): Path<Uuid>,
    conditions: Conditions,
    State(communication): State<Communication>,
) -> Result<axum::response::Response, Problem> {
    use axum::response::IntoResponse as _;
    let channel = communication.channel(id).await?;
    access.require_visible(actions::CONNECTOR_READ, &channel.resource())?;
    if conditions.has(channel.version) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    Ok(answer(channel)?.into_response())
}

/// What is to be changed; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ChangeChannel {
    /// What people call it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// The plugin's settings, all of them.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
    /// Its own address, of the same kind.
    #[serde(default)]
    #[schema(max_length = 255)]
    address: Option<String>,
    /// Where its messages and calls belong from now on.
    #[serde(default)]
    space: Option<SpaceId>,
    /// What they are labelled with from now on.
    #[serde(default)]
    #[schema(max_items = 20)]
    labels: Option<Vec<String>>,
    /// Whether it is its owner's default for such addresses.
    #[serde(default)]
    is_default: Option<bool>,
    /// `true` stops it; `false` has it carry again, also after its owner signed in again.
    #[serde(default)]
    paused: Option<bool>,
}

/// Changes a channel.
#[utoipa::path(
    patch,
    path = "/channels/{id}",
    operation_id = "change_channel",
    tag = "communication",
    params(
        ("id" = Uuid, Path, description = "The channel"),
        ("If-Match" = Option<String>, Header, description = "The version that the caller has seen"),
    ),
    request_body = ChangeChannel,
    responses((status = 200, body = ChannelView), OfBodies)
)]
pub(super) async fn change(
    access: Access,
    Path(id): Path<Uuid>,
    conditions: Conditions,
    State(communication): State<Communication>,
    Body(body): Body<ChangeChannel>,
) -> Answer {
    let channel = changeable(&access, &communication, id, &conditions).await?;
    if body.space.is_some() || body.labels.is_some() {
        let space = body.space.clone().unwrap_or_else(|| channel.space.clone());
        let labels = body.labels.clone().unwrap_or_else(|| channel.labels.clone());
        let there = Resource::new("channel", id.to_string(), space).labelled(labels);
        access.require(actions::CHANNEL_WRITE, &there)?;
    }
    let change = ChannelChange {
        name: body.name,
        config: body.config,
        space: body.space,
        labels: body.labels,
        address: body.address,
        is_default: body.is_default,
        paused: body.paused,
    };
    answer(communication.change(channel, change, access.caller().cause()).await?)
}

/// How to remove a channel.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Removal {
    /// Whether all that it carried is erased too: messages, calls and conversations.
    #[serde(default)]
    erase: bool,
}

/// Removes a channel.
#[utoipa::path(
    delete,
    path = "/channels/{id}",
    operation_id = "remove_channel",
    tag = "communication",
    params(
        ("id" = Uuid, Path, description = "The channel"),
        Removal,
        ("If-Match" = Option<String>, Header, description = "The version that the caller has seen"),
    ),
    responses((status = 204, description = "It is removed"), OfOne)
)]
pub(super) async fn remove(
    access: Access,
    Path(id): Path<Uuid>,
    conditions: Conditions,
    State(communication): State<Communication>,
    Query(removal): Query<Removal>,
) -> Result<StatusCode, Problem> {
    changeable(&access, &communication, id, &conditions).await?;
    communication.remove(id, removal.erase, access.caller().cause()).await?;
    Ok(StatusCode::NO_CONTENT)
}
