//! What the communication service publishes.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spine::Snowflake;
use spine::event::Registry;
use uuid::Uuid;

use crate::access::SpaceId;

/// Somebody at the other end, as far as known.
#[derive(
    Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, utoipa::ToSchema,
)]
pub struct Party {
    /// The address: a phone number in E.164, a Matrix id, an email address.
    pub address: String,
    /// The person in the graph who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<Uuid>,
    /// The space in which the graph has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<SpaceId>,
    /// Their name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What they are to the channel's owner, as their contact says: keywords and categories, such as `Partner`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
}

/// A file that came with a message.
#[derive(
    Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, utoipa::ToSchema,
)]
pub struct AttachedFile {
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is, as its sender says.
    pub media_type: String,
    /// How many bytes of it are kept here; 0 where only its address is known.
    pub bytes: u64,
    /// Where its service has it, where it is not kept here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A call reaches a channel.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CallStarted {
    /// The call.
    pub call: Uuid,
    /// The channel.
    pub channel: Uuid,
    /// Whose channel.
    pub owner: Snowflake,
    /// Where the call belongs.
    pub space: SpaceId,
    /// The service's id of the call.
    pub external_id: String,
    /// Who calls.
    pub from: Party,
    /// Who is called.
    pub to: Party,
    /// When.
    pub at: DateTime<Utc>,
}
event!(CallStarted, "communication.CallStarted.v1", "communication", |e| format!("call:{}", e.call), sealed: true);

/// A call ended or changed otherwise.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CallChanged {
    /// The call.
    pub call: Uuid,
    /// The channel.
    pub channel: Uuid,
    /// `ringing`, `answered`, `completed`, `busy`, `no_answer`, `failed`, `cancelled`.
    pub status: String,
    /// How long it took, where it is over.
    #[serde(default)]
    pub seconds: Option<u32>,
    /// When.
    pub at: DateTime<Utc>,
}
event!(CallChanged, "communication.CallChanged.v1", "communication", |e| format!("call:{}", e.call), sealed: true);

/// A message came in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MessageReceived {
    /// The message.
    pub message: Uuid,
    /// The conversation it belongs to.
    pub conversation: Uuid,
    /// The channel.
    pub channel: Uuid,
    /// Whose channel.
    pub owner: Snowflake,
    /// Where it belongs.
    pub space: SpaceId,
    /// The service's id.
    pub external_id: String,
    /// Who wrote.
    pub from: Party,
    /// To whom.
    pub to: Vec<Party>,
    /// The text.
    pub text: String,
    /// The files that came with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachedFile>,
    /// When.
    pub at: DateTime<Utc>,
}
event!(MessageReceived, "communication.MessageReceived.v1", "communication", |e| format!("message:{}", e.message), sealed: true);

/// A message was handed to its service, which took it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MessageSent {
    /// The message.
    pub message: Uuid,
    /// The conversation it belongs to.
    pub conversation: Uuid,
    /// The channel.
    pub channel: Uuid,
    /// Whose channel.
    pub owner: Snowflake,
    /// Where it belongs.
    pub space: SpaceId,
    /// The service's id.
    pub external_id: String,
    /// To whom.
    pub to: Vec<Party>,
    /// The text.
    pub text: String,
    /// When.
    pub at: DateTime<Utc>,
}
event!(MessageSent, "communication.MessageSent.v1", "communication", |e| format!("message:{}", e.message), sealed: true);

/// The service says how far a message has come, or that it will not arrive.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryUpdated {
    /// The message.
    pub message: Uuid,
    /// The channel; the nil id where none could carry the message.
    pub channel: Uuid,
    /// `accepted`, `sent`, `delivered`, `read`, `failed`, `refused` (by the policy).
    pub status: String,
    /// What the service says of it.
    #[serde(default)]
    pub detail: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}
event!(DeliveryUpdated, "communication.DeliveryUpdated.v1", "communication", |e| format!("message:{}", e.message), sealed: true);

/// Somebody has read a conversation as far as this message.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConversationRead {
    /// The conversation.
    pub conversation: Uuid,
    /// Who has read it.
    pub person: Snowflake,
    /// The latest message that they have read.
    pub message: Uuid,
}
event!(ConversationRead, "communication.ConversationRead.v1", "communication", |e| format!("conversation:{}", e.conversation), sealed: true);

/// Somebody wants no messages through a channel any more, or wants them again.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConsentToMessagesChanged {
    /// The channel.
    pub channel: Uuid,
    /// Whose channel.
    pub owner: Snowflake,
    /// The address.
    pub address: String,
    /// Whether they want messages.
    pub wanted: bool,
    /// The message in which they said so; none where the channel's owner wrote it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Uuid>,
}
event!(ConsentToMessagesChanged, "communication.ConsentToMessagesChanged.v1", "communication", |e| format!("channel:{}", e.channel), sealed: true);

pub(super) fn register(registry: &mut Registry) {
    registry
        .register::<CallStarted>()
        .register::<CallChanged>()
        .register::<MessageReceived>()
        .register::<MessageSent>()
        .register::<DeliveryUpdated>()
        .register::<ConversationRead>()
        .register::<ConsentToMessagesChanged>();
}
