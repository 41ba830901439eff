//! The ports.

use async_trait::async_trait;
use serde_json::Value;
use uuid::Uuid;

use super::{
    ConnectorBatch, HookRequest, InboundResult, OperatorInfo, OutgoingMessage, PluginError,
    Receipt, WebhookOutcome,
};

/// Plugins of the world `connector-plugin`.
#[async_trait]
pub trait ConnectorPlugins: Send + Sync + 'static {
    /// Checks an account's configuration against the plugin's schema.
    ///
    /// # Errors
    /// [`super::PluginFailure::BadConfig`] says where it is wrong.
    async fn check_config(&self, plugin: &str, config: &Value) -> Result<(), PluginError>;

    /// One page of work. Safe to repeat with the same cursor.
    ///
    /// # Errors
    /// See [`PluginError`].
    async fn sync(
        &self,
        plugin: &str,
        account: Uuid,
        config: &Value,
        cursor: Option<Vec<u8>>,
    ) -> Result<ConnectorBatch, PluginError>;

    /// A webhook for an account.
    ///
    /// # Errors
    /// See [`PluginError`].
    async fn webhook(
        &self,
        plugin: &str,
        account: Uuid,
        config: &Value,
        request: HookRequest,
    ) -> Result<WebhookOutcome, PluginError>;

    /// How often, in seconds, the plugin's manifest asks to sync; none: only by webhook.
    ///
    /// # Errors
    /// There is no such connector.
    async fn schedule(&self, plugin: &str) -> Result<Option<u32>, PluginError>;

    /// The shortest schedule, in seconds, that the plugin's manifest allows; none: any.
    ///
    /// # Errors
    /// There is no such connector.
    async fn minimum_schedule(&self, _plugin: &str) -> Result<Option<u32>, PluginError> {
        Ok(None)
    }

    /// Forgets the secrets and the state of an account that is removed.
    ///
    /// # Errors
    /// The store failed.
    async fn forget(&self, plugin: &str, account: Uuid) -> Result<(), PluginError>;
}

/// Plugins of the world `channel-plugin`.
#[async_trait]
pub trait ChannelPlugins: Send + Sync + 'static {
    /// Checks a channel's configuration against the plugin's schema.
    ///
    /// # Errors
    /// [`super::PluginFailure::BadConfig`] says where it is wrong.
    async fn check_config(&self, plugin: &str, config: &Value) -> Result<(), PluginError>;

    /// Sends a message.
    ///
    /// # Errors
    /// See [`PluginError`].
    async fn send(
        &self,
        plugin: &str,
        account: Uuid,
        config: &Value,
        message: OutgoingMessage,
    ) -> Result<Receipt, PluginError>;

    /// A webhook for a channel.
    ///
    /// # Errors
    /// See [`PluginError`].
    async fn inbound(
        &self,
        plugin: &str,
        account: Uuid,
        config: &Value,
        request: HookRequest,
    ) -> Result<InboundResult, PluginError>;

    /// Forgets the secrets and the state of a channel that is removed.
    ///
    /// # Errors
    /// The store failed.
    async fn forget(&self, plugin: &str, account: Uuid) -> Result<(), PluginError>;
}

/// Plugins of the world `rule-operator-plugin`.
#[async_trait]
pub trait RuleOperators: Send + Sync + 'static {
    /// Every operator of every enabled plugin.
    ///
    /// # Errors
    /// The store failed.
    async fn operators(&self) -> Result<Vec<OperatorInfo>, PluginError>;

    /// Calls one. Pure: the same arguments give the same result.
    ///
    /// # Errors
    /// See [`PluginError`].
    async fn evaluate(
        &self,
        plugin: &str,
        operator: &str,
        args: &Value,
    ) -> Result<Value, PluginError>;
}
