//! What goes into plugins and comes out of them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::events::connectors::RawRecord;

/// Why a guest says that it could not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PluginFailure {
    /// Try again later.
    #[error("try again: {reason}")]
    Retry {
        /// How long the outside service asks to wait.
        after: Option<Duration>,
        /// Why.
        reason: String,
    },
    /// The credential is missing, expired or refused: the person has to sign in again.
    #[error("sign in again: {0}")]
    Unauthorized(String),
    /// The person's configuration is wrong.
    #[error("the configuration is wrong: {0}")]
    BadConfig(String),
    /// The cursor is no longer accepted: it is dropped, and a full sync begins.
    #[error("the source does not accept the cursor any more")]
    CursorExpired,
    /// The input was not for this plugin or was malformed, such as a webhook with a wrong signature.
    #[error("refused: {0}")]
    Rejected(String),
    /// Anything else.
    #[error("failed: {0}")]
    Failed(String),
}

/// Why a call of a plugin has no result.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// The guest says so itself.
    #[error(transparent)]
    Guest(#[from] PluginFailure),
    /// No such plugin, not granted, disabled, or of another world.
    #[error("the plugin {plugin} cannot be called: {reason}")]
    Unavailable {
        /// Which.
        plugin: String,
        /// Why.
        reason: String,
    },
    /// It failed too often and rests for a while.
    #[error("the plugin {plugin} rests after failures")]
    Resting {
        /// Which.
        plugin: String,
        /// For how long yet.
        after: Duration,
    },
    /// It broke a limit or trapped; the limit's name is in the text.
    #[error("the plugin {plugin} was stopped: {reason}")]
    Stopped {
        /// Which.
        plugin: String,
        /// Which limit, or the trap.
        reason: String,
    },
    /// Our own side failed.
    #[error("the plugin manager failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// An HTTP request that reached the node for a plugin.
#[derive(Clone, Debug)]
pub struct HookRequest {
    /// The method.
    pub method: String,
    /// The public address as the caller saw it, whole: some services sign it.
    pub url: String,
    /// The path after the hook's own prefix, with the query.
    pub path_and_query: String,
    /// The headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What the caller of a hook gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookAnswer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// One page of a sync.
#[derive(Clone, Debug, Default)]
pub struct ConnectorBatch {
    /// The records.
    pub records: Vec<RawRecord>,
    /// Where to go on: opaque, stored in one transaction with the records.
    pub next_cursor: Option<Vec<u8>>,
    /// Call again at once.
    pub more: bool,
    /// When the source wants to be asked again.
    pub next_sync_after: Option<DateTime<Utc>>,
    /// The version of the plugin that answered.
    pub plugin_version: String,
}

/// What a connector makes of a webhook.
#[derive(Clone, Debug, Default)]
pub struct WebhookOutcome {
    /// Records that came with it.
    pub records: Vec<RawRecord>,
    /// What the caller gets.
    pub answer: HookAnswer,
    /// It says only that something changed: sync soon.
    pub sync_soon: bool,
    /// The version of the plugin that answered.
    pub plugin_version: String,
}

/// A file that goes with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// What it is.
    pub media_type: String,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// A message on its way out.
#[derive(Clone, Debug, Default)]
pub struct OutgoingMessage {
    /// Our id of it: the idempotency key where the service has one.
    pub id: String,
    /// To whom.
    pub to: Vec<String>,
    /// From which of the account's addresses.
    pub sender: Option<String>,
    /// The subject.
    pub subject: Option<String>,
    /// The text.
    pub text: String,
    /// The same as HTML.
    pub html: Option<String>,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// The service's id of the message it answers.
    pub in_reply_to: Option<String>,
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Delivery {
    /// The service took it.
    Accepted,
    /// It is on its way.
    Sent,
    /// It arrived.
    Delivered,
    /// It was read.
    Read,
    /// It will not arrive.
    Failed,
}

impl Delivery {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
        }
    }
}

/// What a service says of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The service's id of it.
    pub external_id: String,
    /// How far it has come.
    pub status: Delivery,
    /// More about it.
    pub detail: Option<String>,
}

/// A message that came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundMessage {
    /// The service's id of it.
    pub external_id: String,
    /// Who wrote.
    pub sender: String,
    /// To whom.
    pub to: Vec<String>,
    /// When.
    pub received: DateTime<Utc>,
    /// The text.
    pub text: String,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// The service's id of the message it answers.
    pub in_reply_to: Option<String>,
}

/// A call that begins or changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// The service's id of it.
    pub external_id: String,
    /// Who calls.
    pub from: String,
    /// Who is called.
    pub to: String,
    /// `ringing`, `answered`, `completed`, `busy`, `no_answer`, `failed`, `cancelled`.
    pub status: String,
    /// How long it took.
    pub seconds: Option<u32>,
    /// When.
    pub at: DateTime<Utc>,
}

/// What came in through a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChannelEvent {
    /// A message.
    Received(InboundMessage),
    /// How far one of ours has come.
    Status(Receipt),
    /// A call.
    Call(CallRecord),
}

/// What a channel makes of a webhook.
#[derive(Clone, Debug, Default)]
pub struct InboundResult {
    /// What came in.
    pub events: Vec<ChannelEvent>,
    /// What the caller gets.
    pub answer: HookAnswer,
}

/// An operator that rules may call.
#[derive(Clone, Debug, PartialEq)]
pub struct OperatorInfo {
    /// The plugin.
    pub plugin: String,
    /// The operator's name.
    pub name: String,
    /// JSON Schema of what it takes.
    pub args_schema: Value,
    /// JSON Schema of what it gives.
    pub result_schema: Value,
}
