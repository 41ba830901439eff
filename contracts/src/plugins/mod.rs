//! Ports to plugins: what connectors, channels and rules ask of WebAssembly guests. The plugin manager
//! implements them; it alone knows the runtime.
//!
//! The types mirror the interface `sovereign:plugin` (plugins/wit).

mod ports;
mod types;
mod undone;

pub use ports::{ChannelPlugins, ConnectorPlugins, RuleOperators};
pub use types::{
    Attachment, CallRecord, ChannelEvent, ConnectorBatch, Delivery, HookAnswer, HookRequest,
    InboundMessage, InboundResult, OperatorInfo, OutgoingMessage, PluginError, PluginFailure,
    Receipt, WebhookOutcome,
};
pub use undone::Undone;
