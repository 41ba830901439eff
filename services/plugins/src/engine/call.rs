//! What can be asked of a guest, and what it answers: in the words of the contracts, checked.

use contracts::plugins::{
    ConnectorBatch, HookRequest, InboundResult, OperatorInfo, OutgoingMessage, PluginFailure,
    Receipt, WebhookOutcome,
};
use serde_json::Value;

/// A call of a guest.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    /// What the code knows better than the manifest.
    Describe,
    /// One page of a connector's work.
    Sync { context: Context, cursor: Option<Vec<u8>> },
    /// A webhook for a connector.
    Webhook { context: Context, request: HookRequest },
    /// A message to send.
    Send { context: Context, message: OutgoingMessage },
    /// A webhook for a channel.
    Inbound { context: Context, request: HookRequest },
    /// The operators of a rule operator.
    Operators,
    /// An operator to evaluate, on JSON text.
    Evaluate { operator: String, args: String },
}

impl Call {
    /// Its name, for logs.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Sync { .. } => "sync",
            Self::Webhook { .. } => "webhook",
            Self::Send { .. } => "send",
            Self::Inbound { .. } => "inbound",
            Self::Operators => "operators",
            Self::Evaluate { .. } => "evaluate",
        }
    }

    /// How much it brings to the guest, in bytes, beside the account's configuration.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Describe | Self::Operators => 0,
            Self::Sync { cursor, .. } => cursor.as_ref().map_or(0, Vec::len),
            Self::Webhook { request, .. } | Self::Inbound { request, .. } => {
                let headers = request.headers.iter().map(|(name, value)| name.len() + value.len());
                request.body.len() + request.url.len() * 2 + headers.sum::<usize>()
            }
            Self::Send { message, .. } => {
                let files = message.attachments.iter().map(|file| file.data.len());
                let html = message.html.as_ref().map_or(0, String::len);
                message.text.len() + html + files.sum::<usize>()
            }
            Self::Evaluate { operator, args } => operator.len() + args.len(),
        }
    }
}

/// For whom a call is.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// The account.
    pub(crate) account: String,
    /// Its configuration.
    pub(crate) config: Value,
    /// Where the outside service reaches it.
    pub(crate) hook_url: String,
}

/// What a plugin's code says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// JSON Schema of the settings of an account.
    pub config_schema: Value,
    /// The kinds of records that it makes.
    pub kinds: Vec<String>,
}

/// What a guest answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Description(Description),
    Batch(Result<ConnectorBatch, PluginFailure>),
    Webhook(Result<WebhookOutcome, PluginFailure>),
    Receipt(Result<Receipt, PluginFailure>),
    Inbound(Result<InboundResult, PluginFailure>),
    Operators(Vec<OperatorInfo>),
    Value(Result<Value, PluginFailure>),
}

impl Answer {
    /// What the guest says went wrong, where it says so.
    pub(crate) fn failure(&self) -> Option<&PluginFailure> {
        match self {
            Self::Batch(Err(failure))
            | Self::Webhook(Err(failure))
            | Self::Receipt(Err(failure))
            | Self::Inbound(Err(failure))
            | Self::Value(Err(failure)) => Some(failure),
            _ => None,
        }
    }

    /// The same with another failure, where it is one.
    pub(crate) fn map_failure(self, change: impl FnOnce(PluginFailure) -> PluginFailure) -> Self {
        match self {
            Self::Batch(Err(failure)) => Self::Batch(Err(change(failure))),
            Self::Webhook(Err(failure)) => Self::Webhook(Err(change(failure))),
            Self::Receipt(Err(failure)) => Self::Receipt(Err(change(failure))),
            Self::Inbound(Err(failure)) => Self::Inbound(Err(change(failure))),
            Self::Value(Err(failure)) => Self::Value(Err(change(failure))),
            answer => answer,
        }
    }
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The guest broke a limit, trapped, or answered what no plugin may answer.
    #[error("{0}")]
    Stopped(String),
    /// Our own side failed.
    #[error("the host failed")]
    Host(#[source] Box<dyn std::error::Error + Send + Sync>),
}
