//! The list of channels, and a new one.

use axum::Json;
use axum::extract::State;
use contracts::access::{Access, Resource, SpaceId, actions};
use contracts::api::{Body, NewId, Page, PageQuery, ProblemDocument, Query, etag};
use http::header::{self, HeaderValue};
use http::{HeaderName, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use spine::Problem;
use utoipa::ToSchema;

use super::views::ChannelView;
use crate::{Communication, NewChannel, store};
use contracts::api::problems::{OfBodies, OfLists};

/// The channels that the caller may see.
#[utoipa::path(
    get,
    path = "/channels",
    operation_id = "list_channels",
    tag = "communication",
    params(PageQuery),
    responses(
        (status = 200, body = Page<ChannelView>),
        // Written out once, which is what makes the document describe problems.
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
    State(communication): State<Communication>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ChannelView>>, Problem> {
    let permitted = access.permitted(actions::CONNECTOR_READ)?;
    let limit = page.limit()?;
    let pool = communication.spine().pool();
    let found = store::channels::list(pool, &permitted, page.place()?, limit as i64 + 1).await?;
    let views = found.into_iter().map(ChannelView::from).collect();
    Ok(Json(Page::cut(views, limit, |last: &ChannelView| last.id)?))
}

/// A channel to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewChannel)]
pub(super) struct AddChannel {
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
    /// Its own address, which tells what it reaches: a phone number with its country's code, an email address,
    /// or a Matrix id.
    #[schema(max_length = 255)]
    address: String,
    /// Where its messages and calls belong; the caller's own space where nothing is said.
    #[serde(default)]
    space: Option<SpaceId>,
    /// What they are labelled with.
    #[serde(default)]
    #[schema(max_items = 20)]
    labels: Vec<String>,
    /// Whether the caller's messages to such addresses go through it from now on; where nothing is said, if
    /// they have no other yet.
    #[serde(default)]
    is_default: Option<bool>,
}

fn nothing() -> Value {
    Value::Object(serde_json::Map::new())
}

/// Adds a channel.
#[utoipa::path(
    post,
    path = "/channels",
    operation_id = "add_channel",
    tag = "communication",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key adds nothing twice")),
    request_body = AddChannel,
    responses((status = 201, body = ChannelView), OfBodies)
)]
pub(super) async fn add(
    access: Access,
    NewId(id): NewId,
    State(communication): State<Communication>,
    Body(body): Body<AddChannel>,
) -> Result<(StatusCode, [(HeaderName, HeaderValue); 1], Json<ChannelView>), Problem> {
    let owner = access.caller().responsible();
    let space = match (body.space, owner) {
        (Some(space), _) => space,
        (None, Some(owner)) => SpaceId::of_person(owner),
        (None, None) => SpaceId::household(),
    };
    let resource = Resource::new("channel", id.to_string(), space.clone())
        .labelled(body.labels.iter().cloned());
    access.require(actions::CHANNEL_WRITE, &resource)?;
    let owner = owner.ok_or_else(|| {
        Problem::forbidden(
            "no-person",
            "A channel belongs to a person, and nobody in particular asks",
        )
    })?;
    let channel = NewChannel {
        id,
        plugin: body.plugin,
        name: body.name,
        owner,
        space,
        labels: body.labels,
        config: body.config,
        address: body.address,
        is_default: body.is_default,
    };
    let channel = communication.add(channel, access.caller().cause()).await?;
    let tag = [(header::ETAG, etag(channel.version))];
    Ok((StatusCode::CREATED, tag, Json(channel.into())))
}
