//! Conversations, and the messages of one.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use contracts::access::{Access, actions};
use contracts::api::{Body, Page, PageQuery, Path, Query};
use http::StatusCode;
use serde::Deserialize;
use spine::Problem;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::views::{ConversationView, MessageView};
use crate::store::conversations::Conversation;
use crate::store::messages::Wanted;
use crate::{Communication, CommunicationError, store};
use contracts::api::problems::{OfBodies, OfLists, OfOne};

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
    let ids: Vec<Uuid> = found.iter().map(|conversation| conversation.id).collect();
    let unread = unread(&access, &communication, &ids).await?;
    let view = |conversation: Conversation| {
        let unread = unread.get(&conversation.id).copied();
        ConversationView::of(conversation, unread)
    };
    let views = found.into_iter().map(view).collect();
    Ok(Json(Page::cut(views, limit, |last: &ConversationView| (last.last_at, last.id))?))
}

/// What the caller has not read of these; nothing where nobody in particular asks.
async fn unread(
    access: &Access,
    communication: &Communication,
    conversations: &[Uuid],
) -> Result<HashMap<Uuid, i64>, Problem> {
    let Some(person) = access.caller().responsible() else { return Ok(HashMap::new()) };
    let pool = communication.spine().pool();
    let unread = store::conversations::unread(pool, conversations, person).await;
    Ok(unread.map_err(CommunicationError::from)?)
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
    let conversation = visible(&access, &communication, id).await?;
    let unread = unread(&access, &communication, &[id]).await?.remove(&id);
    Ok(Json(ConversationView::of(conversation, unread)))
}

/// How far the caller has read.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ReadConversation {
    /// The latest message that they have read.
    message: Uuid,
}

/// Says that the caller has read a conversation as far as one of its messages. What they have read they have read: an
/// earlier message changes nothing.
#[utoipa::path(
    put,
    path = "/conversations/{id}/read",
    operation_id = "mark_conversation_read",
    tag = "communication",
    params(("id" = Uuid, Path, description = "The conversation")),
    request_body = ReadConversation,
    responses((status = 200, body = ConversationView), OfBodies)
)]
pub(super) async fn mark_read(
    access: Access,
    Path(id): Path<Uuid>,
    State(communication): State<Communication>,
    Body(body): Body<ReadConversation>,
) -> Result<Json<ConversationView>, Problem> {
    let conversation = visible(&access, &communication, id).await?;
    let person = access.caller().responsible().ok_or_else(|| {
        Problem::forbidden("no-person", "People read, and nobody in particular asks")
    })?;
    communication.mark_read(id, person, body.message, access.caller().cause()).await?;
    let unread = unread(&access, &communication, &[id]).await?.remove(&id);
    Ok(Json(ConversationView::of(conversation, unread)))
}

/// Erases a conversation with all its messages so far: here, in the graph and in the log of events. It takes a moment.
/// A message that comes meanwhile stays, and the conversation with it.
#[utoipa::path(
    delete,
    path = "/conversations/{id}",
    operation_id = "erase_conversation",
    tag = "communication",
    params(("id" = Uuid, Path, description = "The conversation")),
    responses((status = 204, description = "It will be erased"), OfOne)
)]
pub(super) async fn erase(
    access: Access,
    Path(id): Path<Uuid>,
    State(communication): State<Communication>,
) -> Result<StatusCode, Problem> {
    let conversation = visible(&access, &communication, id).await?;
    access.require(actions::CHANNEL_WRITE, &conversation.resource())?;
    communication.erase_conversation(id, access.caller().cause()).await?;
    Ok(StatusCode::NO_CONTENT)
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
