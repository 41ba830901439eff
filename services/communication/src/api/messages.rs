//! Messages: the list, and one.

use axum::Json;
use axum::extract::State;
use contracts::access::{Access, actions};
use contracts::api::{Page, PageQuery, Path, Query};
use serde::Deserialize;
use spine::Problem;
use utoipa::IntoParams;
use uuid::Uuid;

use super::views::MessageView;
use crate::store::messages::Wanted;
use crate::{Communication, Direction, Status, store};
use contracts::api::problems::{OfLists, OfOne};

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only through this channel.
    #[serde(default)]
    channel: Option<Uuid>,
    /// Only this way.
    #[serde(default)]
    direction: Option<Direction>,
    /// Only those that have come so far.
    #[serde(default)]
    status: Option<Status>,
}

/// The messages that the caller may see, the latest first.
#[utoipa::path(
    get,
    path = "/messages",
    operation_id = "list_messages",
    tag = "communication",
    params(Filter, PageQuery),
    responses((status = 200, body = Page<MessageView>), OfLists)
)]
pub(super) async fn list(
    access: Access,
    State(communication): State<Communication>,
    Query(filter): Query<Filter>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<MessageView>>, Problem> {
    let permitted = access.permitted(actions::MESSAGE_READ)?;
    let limit = page.limit()?;
    let wanted = Wanted {
        channel: filter.channel,
        conversation: None,
        direction: filter.direction,
        status: filter.status,
        after: page.place()?,
        limit: limit as i64 + 1,
    };
    let found = store::messages::list(communication.spine().pool(), &permitted, &wanted).await?;
    let views = found.into_iter().map(MessageView::from).collect();
    Ok(Json(Page::cut(views, limit, |last: &MessageView| (last.created_at, last.id))?))
}

/// One message.
#[utoipa::path(
    get,
    path = "/messages/{id}",
    operation_id = "read_message",
    tag = "communication",
    params(("id" = Uuid, Path, description = "The message")),
    responses((status = 200, body = MessageView), OfOne)
)]
pub(super) async fn read(
    access: Access,
    Path(id): Path<Uuid>,
    State(communication): State<Communication>,
) -> Result<Json<MessageView>, Problem> {
    let message = communication.message(id).await?;
    access.require_visible(actions::MESSAGE_READ, &message.resource())?;
    Ok(Json(message.into()))
}
