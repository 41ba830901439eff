//! Conversations, and the messages of one.

use axum::Json;
use axum::extract::State;
use contracts::access::{Access, actions};
use contracts::api::{Page, PageQuery, Path, Query};
use serde::Deserialize;
use spine::Problem;
use utoipa::IntoParams;
use uuid::Uuid;

use super::views::{ConversationView, MessageView};
use crate::store::conversations::Conversation;
use crate::store::messages::Wanted;
use crate::{Communication, store};
use contracts::api::problems::{OfLists, OfOne};

/// Which conversations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only through this channel.
    #[serde(default)]
    channel: Option<Uuid>,
}

/// The conversations that the caller may see, the latest first.
#[utoipa::path(
    get,
    path = "/conversations",
    operation_id = "list_conversations",
    tag = "communication",
    params(Filter, PageQuery),
    responses((status = 200, body = Page<ConversationView>), OfLists)
)]
pub(super) async fn list(
    access: Access,
    State(communication): State<Communication>,
    Query(filter): Query<Filter>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ConversationView>>, Problem> {
    let permitted = access.permitted(actions::MESSAGE_READ)?;
    let (limit, after) = (page.limit()?, page.place()?);
    let pool = communication.spine().pool();
    let most = limit as i64 + 1;
    let found = store::conversations::list(pool, &permitted, filter.channel, after, most).await?;
    let views = found.into_iter().map(ConversationView::from).collect();
    Ok(Json(Page::cut(views, limit, |last: &ConversationView| (last.last_at, last.id))?))
}

async fn visible(
    access: &Access,
    communication: &Communication,
    id: Uuid,
) -> Result<Conversation, Problem> {
    let found = store::conversations::find(communication.spine().pool(), id).await?;
    let conversation = found.ok_or_else(Problem::not_found)?;
    access.require_visible(actions::MESSAGE_READ, &conversation.resource())?;
    Ok(conversation)
}

/// One conversation.
#[utoipa::path(
    get,
    path = "/conversations/{id}",
    operation_id = "read_conversation",
    tag = "communication",
    params(("id" = Uuid, Path, description = "The conversation")),
    responses((status = 200, body = ConversationView), OfOne)
)]
pub(super) async fn read(
    access: Access,
    Path(id): Path<Uuid>,
    State(communication): State<Communication>,
) -> Result<Json<ConversationView>, Problem> {
    Ok(Json(visible(&access, &communication, id).await?.into()))
}

/// The messages of a conversation, the latest first.
#[utoipa::path(
    get,
    path = "/conversations/{id}/messages",
    operation_id = "list_conversation_messages",
    tag = "communication",
    params(("id" = Uuid, Path, description = "The conversation"), PageQuery),
    responses((status = 200, body = Page<MessageView>), OfOne)
)]
pub(super) async fn messages(
    access: Access,
    Path(id): Path<Uuid>,
    State(communication): State<Communication>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<MessageView>>, Problem> {
    let (limit, after) = (page.limit()?, page.place()?);
    let permitted = access.permitted(actions::MESSAGE_READ)?;
    visible(&access, &communication, id).await?;
    let wanted =
        Wanted { conversation: Some(id), after, limit: limit as i64 + 1, ..Wanted::default() };
    let found = store::messages::list(communication.spine().pool(), &permitted, &wanted).await?;
    let views = found.into_iter().map(MessageView::from).collect();
    Ok(Json(Page::cut(views, limit, |last: &MessageView| (last.created_at, last.id))?))
}
