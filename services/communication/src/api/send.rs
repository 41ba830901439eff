//! Messages to be sent.

use axum::Json;
use axum::extract::State;
use contracts::access::{Access, Resource, actions};
use contracts::api::{Body, NewId, Path};
use http::StatusCode;
use serde::Deserialize;
use spine::Problem;
use utoipa::ToSchema;
use uuid::Uuid;

use super::views::MessageView;
use crate::outbound::NoWay;
use crate::{Communication, CommunicationError, NewMessage};
use contracts::api::problems::OfBodies;

/// A message to be sent.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewMessage)]
pub(super) struct SendMessage {
    /// Through which channel; the caller's default one for such addresses where nothing is said.
    #[serde(default)]
    channel: Option<Uuid>,
    /// To whom: phone numbers with their country's code, email addresses or Matrix ids, all of one kind.
    #[schema(min_items = 1, max_items = 20)]
    to: Vec<String>,
    /// A subject, where the channel has one.
    #[serde(default)]
    #[schema(max_length = 500)]
    subject: Option<String>,
    /// The text.
    #[schema(min_length = 1, max_length = 10_000)]
    text: String,
    /// Which message it answers.
    #[serde(default)]
    in_reply_to: Option<Uuid>,
}

/// Sends a message: soon, and once, also where the same `Idempotency-Key` comes again. The answer is the message
/// as it waits; what became of it is read by its id.
#[utoipa::path(
    post,
    path = "/messages",
    operation_id = "send_message",
    tag = "communication",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key sends nothing twice")),
    request_body = SendMessage,
    responses((status = 202, body = MessageView, description = "It is written down and will be sent"), OfBodies)
)]
pub(super) async fn send(
    access: Access,
    NewId(id): NewId,
    State(communication): State<Communication>,
    Body(body): Body<SendMessage>,
) -> Result<(StatusCode, Json<MessageView>), Problem> {
    order(&access, &communication, id, body).await
}

async fn order(
    access: &Access,
    communication: &Communication,
    id: Uuid,
    body: SendMessage,
) -> Result<(StatusCode, Json<MessageView>), Problem> {
    // Whoever may send nothing anywhere learns nothing of channels.
    let permitted = access.permitted(actions::MESSAGE_SEND)?;
    let owner = access.caller().responsible().ok_or_else(|| {
        Problem::forbidden("no-person", "A message is a person's, and nobody in particular asks")
    })?;
    if let Some(id) = body.channel {
        // Nor does anybody learn of another's channel that it is there.
        let there = communication.find_channel(id).await?;
        if !there.is_some_and(|channel| permitted.admits(&channel.space, &channel.labels)) {
            return Err(CommunicationError::from(NoWay::no_channel()).into());
        }
    }
    let routed = communication.route(body.channel, owner, &body.to).await;
    let (channel, addresses) = routed.map_err(CommunicationError::from)?;
    // By its id: whom it goes to is not for a log that nobody can erase.
    let resource = Resource::new("message", id.to_string(), channel.space.clone())
        .labelled(channel.labels.iter().cloned())
        .about(Some(owner));
    access.require(actions::MESSAGE_SEND, &resource)?;
    if let Some(answered) = body.in_reply_to {
        let answered = communication.message(answered).await?;
        access.require_visible(actions::MESSAGE_READ, &answered.resource())?;
    }
    let message = NewMessage {
        id,
        owner,
        to: body.to,
        subject: body.subject,
        text: body.text,
        in_reply_to: body.in_reply_to,
        purpose: access.caller().purpose.to_string(),
    };
    let cause = access.caller().cause();
    let message = communication.send(message, &channel, addresses, cause).await?;
    Ok((StatusCode::ACCEPTED, Json(message.into())))
}

/// To whom a channel is tried.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct TestChannel {
    /// An address that the channel reaches.
    #[schema(max_length = 255)]
    to: String,
    /// What is written; a sentence that says that it is a test where nothing is said.
    #[serde(default = "sentence")]
    #[schema(min_length = 1, max_length = 10_000)]
    text: String,
}

fn sentence() -> String {
    "This is a test of your Sovereign node.".to_owned()
}

/// Sends a message through one channel to see whether it works.
#[utoipa::path(
    post,
    path = "/channels/{id}/test",
    operation_id = "test_channel",
    tag = "communication",
    params(
        ("id" = Uuid, Path, description = "The channel"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key sends nothing twice"),
    ),
    request_body = TestChannel,
    responses((status = 202, body = MessageView, description = "It is written down and will be sent"), OfBodies)
)]
pub(super) async fn test(
    access: Access,
    Path(id): Path<Uuid>,
    NewId(message): NewId,
    State(communication): State<Communication>,
    Body(body): Body<TestChannel>,
) -> Result<(StatusCode, Json<MessageView>), Problem> {
    let channel = communication.channel(id).await?;
    access.require_visible(actions::CONNECTOR_READ, &channel.resource())?;
    access.require(actions::CHANNEL_WRITE, &channel.resource())?;
    let send = SendMessage {
        channel: Some(id),
        to: vec![body.to],
        subject: None,
        text: body.text,
        in_reply_to: None,
    };
    order(&access, &communication, message, send).await
}
