//! Messages: the list, and one.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use contracts::access::{Access, actions};
use contracts::api::{Page, PageQuery, Path, Query};
use http::StatusCode;
use http::header::{self, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use spine::Problem;
use utoipa::IntoParams;
use uuid::Uuid;

use super::views::MessageView;
use crate::store::messages::Wanted;
use crate::{Communication, CommunicationError, Direction, Message, Status, store};
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

async fn visible(
    access: &Access,
    communication: &Communication,
    id: Uuid,
) -> Result<Message, Problem> {
    let message = communication.message(id).await?;
    access.require_visible(actions::MESSAGE_READ, &message.resource())?;
    Ok(message)
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
    Ok(Json(visible(&access, &communication, id).await?.into()))
}

/// Erases a message: here, in the graph and in the log of events. One that is still to be sent is not sent any more.
/// Others who have it, its service and whoever wrote or got it, keep it.
#[utoipa::path(
    delete,
    path = "/messages/{id}",
    operation_id = "erase_message",
    tag = "communication",
    params(("id" = Uuid, Path, description = "The message")),
    responses((status = 204, description = "It is erased"), OfOne)
)]
pub(super) async fn erase(
    access: Access,
    Path(id): Path<Uuid>,
    State(communication): State<Communication>,
) -> Result<StatusCode, Problem> {
    let message = visible(&access, &communication, id).await?;
    access.require(actions::CHANNEL_WRITE, &message.resource())?;
    communication.erase_message(id, access.caller().cause()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A file that came with a message, as it came: from outside, and looked through by nobody.
#[utoipa::path(
    get,
    path = "/messages/{id}/attachments/{number}",
    operation_id = "read_attachment",
    tag = "communication",
    params(
        ("id" = Uuid, Path, description = "The message"),
        ("number" = u16, Path, description = "Its place among the message's attachments, from 0"),
    ),
    responses(
        (status = 200, description = "Its bytes", body = Vec<u8>, content_type = "application/octet-stream"),
        OfOne,
    )
)]
pub(super) async fn attachment(
    access: Access,
    Path((id, number)): Path<(Uuid, u16)>,
    State(communication): State<Communication>,
) -> Result<Response, Problem> {
    let message = visible(&access, &communication, id).await?;
    let pool = communication.spine().pool();
    let found = store::files::find(pool, id, i32::from(number)).await;
    let data = found.map_err(CommunicationError::from)?.ok_or_else(Problem::not_found)?;
    let name = message.attachments.get(usize::from(number)).and_then(|file| file.name.as_deref());
    let mut response = data.into_response();
    let headers = response.headers_mut();
    // Whatever its sender calls it, no browser shows it as a page of this node.
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_DISPOSITION, disposition(name));
    Ok(response)
}

/// To be kept as a file of this name (RFC 6266).
fn disposition(name: Option<&str>) -> HeaderValue {
    let bare = HeaderValue::from_static("attachment");
    let Some(name) = name else { return bare };
    let encoded = utf8_percent_encode(name, NON_ALPHANUMERIC);
    HeaderValue::try_from(format!("attachment; filename*=UTF-8''{encoded}")).unwrap_or(bare)
}
