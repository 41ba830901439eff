//! What callers see.

use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use contracts::events::communication::{AttachedFile, Party};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::conversations::Conversation;
use crate::{Call, CallStatus, Channel, ChannelState, Direction, Message, Scheme, Status};

/// An account at a service that carries messages or calls.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ChannelView {
    /// Names it for ever; also the key of its webhooks (`/hooks/{id}/…`).
    pub id: Uuid,
    /// Which plugin speaks to the service.
    pub plugin: String,
    /// What people call it.
    pub name: String,
    /// The account of the person whose it is.
    pub owner: String,
    /// Where its messages and calls belong.
    pub space: SpaceId,
    /// What they are labelled with.
    pub labels: Vec<String>,
    /// The plugin's settings.
    #[schema(value_type = Object)]
    pub config: Value,
    /// Which addresses it reaches.
    pub scheme: Scheme,
    /// Its own address.
    pub address: String,
    /// Whether its owner's messages to such addresses go through it where nothing else is said.
    pub is_default: bool,
    /// Whether it carries anything.
    pub state: ChannelState,
    /// What went wrong, where it waits for its owner.
    pub last_error: Option<String>,
    /// The version of what people set: its `ETag`.
    pub version: i64,
    /// Since when it is there.
    pub created_at: DateTime<Utc>,
}

impl From<Channel> for ChannelView {
    fn from(channel: Channel) -> Self {
        Self {
            id: channel.id,
            plugin: channel.plugin,
            name: channel.name,
            owner: channel.owner.to_string(),
            space: channel.space,
            labels: channel.labels,
            config: channel.config,
            scheme: channel.scheme,
            address: channel.address,
            is_default: channel.is_default,
            state: channel.state,
            last_error: channel.last_error,
            version: channel.version,
            created_at: channel.created_at,
        }
    }
}

/// What was said with the same others through one channel.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ConversationView {
    /// Names it for ever.
    pub id: Uuid,
    /// Through which channel.
    pub channel: Uuid,
    /// The account of the person whose it is.
    pub owner: String,
    /// Where it belongs.
    pub space: SpaceId,
    /// What it is labelled with.
    pub labels: Vec<String>,
    /// Those at the other end, as far as known.
    pub parties: Vec<Party>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When the last message came or went.
    pub last_at: DateTime<Utc>,
    /// How many messages came in that the caller has not read; 100 stands for that many or more. Absent where nobody
    /// in particular asks.
    #[schema(minimum = 0, maximum = 100)]
    pub unread: Option<i64>,
}

impl ConversationView {
    pub(super) fn of(conversation: Conversation, unread: Option<i64>) -> Self {
        Self {
            unread,
            id: conversation.id,
            channel: conversation.channel,
            owner: conversation.owner.to_string(),
            space: conversation.space,
            labels: conversation.labels,
            parties: conversation.parties,
            started_at: conversation.started_at,
            last_at: conversation.last_at,
        }
    }
}

/// A message, in or out.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MessageView {
    /// Names it for ever.
    pub id: Uuid,
    /// Which way it goes.
    pub direction: Direction,
    /// Through which channel; none where none was found that could carry it.
    pub channel: Option<Uuid>,
    /// The conversation it belongs to, once its channel carries it.
    pub conversation: Option<Uuid>,
    /// The account of the person whose it is.
    pub owner: String,
    /// Where it belongs.
    pub space: SpaceId,
    /// What it is labelled with.
    pub labels: Vec<String>,
    /// The service's id of it.
    pub external_id: Option<String>,
    /// From whom.
    pub from: Party,
    /// To whom.
    pub to: Vec<Party>,
    /// A subject, where the channel has one.
    pub subject: Option<String>,
    /// The text.
    pub text: String,
    /// What came with it. What is kept here, with its `bytes`, is at `/messages/{id}/attachments/{number}`, counted
    /// from 0.
    pub attachments: Vec<AttachedFile>,
    /// How far it has come.
    pub status: Status,
    /// More about that.
    pub detail: Option<String>,
    /// The rule that sends it.
    pub rule: Option<Uuid>,
    /// Which message it answers.
    pub in_reply_to: Option<Uuid>,
    /// When it was written down here.
    pub created_at: DateTime<Utc>,
    /// When its service took it, or when it came in.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

impl From<Message> for MessageView {
    fn from(message: Message) -> Self {
        Self {
            id: message.id,
            direction: message.direction,
            channel: message.channel,
            conversation: message.conversation,
            owner: message.owner.to_string(),
            space: message.space,
            labels: message.labels,
            external_id: message.external_id,
            from: message.from,
            to: message.to,
            subject: message.subject,
            text: message.text,
            attachments: message.attachments,
            status: message.status,
            detail: message.detail,
            rule: message.rule,
            in_reply_to: message.in_reply_to,
            created_at: message.created_at,
            sent_at: message.sent_at,
            updated_at: message.updated_at,
        }
    }
}

/// A telephone call.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CallView {
    /// Names it for ever.
    pub id: Uuid,
    /// Through which channel.
    pub channel: Uuid,
    /// The account of the person whose channel it is.
    pub owner: String,
    /// Where it belongs.
    pub space: SpaceId,
    /// What it is labelled with.
    pub labels: Vec<String>,
    /// The service's id of it.
    pub external_id: String,
    /// Who calls.
    pub from: Party,
    /// Who is called.
    pub to: Party,
    /// How it stands.
    pub status: CallStatus,
    /// How long it took, where it is over.
    pub seconds: Option<u32>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

impl From<Call> for CallView {
    fn from(call: Call) -> Self {
        Self {
            id: call.id,
            channel: call.channel,
            owner: call.owner.to_string(),
            space: call.space,
            labels: call.labels,
            external_id: call.external_id,
            from: call.from,
            to: call.to,
            status: call.status,
            seconds: call.seconds,
            started_at: call.started_at,
            ended_at: call.ended_at,
        }
    }
}
