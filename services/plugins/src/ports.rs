//! The ports through which other services call plugins.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::plugins::{
    ChannelPlugins, ConnectorBatch, ConnectorPlugins, HookRequest, InboundResult, OperatorInfo,
    OutgoingMessage, PluginError, PluginFailure, Receipt, RuleOperators, WebhookOutcome,
};
use serde_json::Value;
use spine::Cause;
use uuid::Uuid;

use crate::calls::ForAccount;
use crate::engine::{Answer, Call};
use crate::manifest::World;
use crate::plugin::{Installed, PluginState};
use crate::service::Plugins;
use crate::store;

impl Plugins {
    fn config_of(&self, plugin: &str, world: World, config: &Value) -> Result<(), PluginError> {
        let installed =
            self.0.catalogue.find(plugin).filter(|installed| installed.manifest.world == world);
        let Some(installed) = installed else {
            let reason = format!("there is no {world} of this name");
            return Err(PluginError::Unavailable { plugin: plugin.to_owned(), reason });
        };
        installed.check_config(config).map_err(|wrong| PluginFailure::BadConfig(wrong).into())
    }

    /// A connector, whether or not it may be called.
    fn connector(&self, plugin: &str) -> Result<Arc<Installed>, PluginError> {
        let installed = self.0.catalogue.find(plugin);
        installed.filter(|installed| installed.manifest.world == World::Connector).ok_or_else(
            || {
                let reason = "there is no connector of this name".to_owned();
                PluginError::Unavailable { plugin: plugin.to_owned(), reason }
            },
        )
    }

    async fn forget_account(&self, plugin: &str, account: Uuid) -> Result<(), PluginError> {
        let forget = async {
            let mut tx = self.0.spine.begin_worker(Cause::system()).await?;
            store::secrets::forget(tx.conn(), plugin, account).await?;
            tx.commit().await
        };
        forget.await.map_err(|error: spine::SpineError| PluginError::Internal(Box::new(error)))
    }
}

/// An answer of another call than the one that was made.
fn crossed(plugin: &str) -> PluginError {
    PluginError::Internal(format!("the engine answered another call of {plugin}").into())
}

fn no_webhooks(plugin: &str) -> PluginError {
    let reason = "its manifest asks for no webhooks".to_owned();
    PluginError::Unavailable { plugin: plugin.to_owned(), reason }
}

#[async_trait]
impl ConnectorPlugins for Plugins {
    async fn check_config(&self, plugin: &str, config: &Value) -> Result<(), PluginError> {
        self.config_of(plugin, World::Connector, config)
    }

    async fn sync(
        &self,
        plugin: &str,
        account: Uuid,
        config: &Value,
        cursor: Option<Vec<u8>>,
    ) -> Result<ConnectorBatch, PluginError> {
        let installed = self.callable(plugin, World::Connector)?;
        let on = ForAccount { account, config };
        match self.call_for(&installed, on, |context| Call::Sync { context, cursor }).await? {
            Answer::Batch(batch) => Ok(ConnectorBatch {
                plugin_version: installed.manifest.version.to_string(),
                ..batch?
            }),
            _ => Err(crossed(plugin)),
        }
    }

    async fn webhook(
        &self,
        plugin: &str,
        account: Uuid,
        config: &Value,
        request: HookRequest,
    ) -> Result<WebhookOutcome, PluginError> {
        let installed = self.callable(plugin, World::Connector)?;
        if !installed.manifest.capabilities.webhooks {
            return Err(no_webhooks(plugin));
        }
        let on = ForAccount { account, config };
        match self.call_for(&installed, on, |context| Call::Webhook { context, request }).await? {
            Answer::Webhook(outcome) => Ok(WebhookOutcome {
                plugin_version: installed.manifest.version.to_string(),
                ..outcome?
            }),
            _ => Err(crossed(plugin)),
        }
    }

    async fn schedule(&self, plugin: &str) -> Result<Option<u32>, PluginError> {
        Ok(self.connector(plugin)?.manifest.capabilities.schedule_seconds)
    }

    async fn minimum_schedule(&self, plugin: &str) -> Result<Option<u32>, PluginError> {
        Ok(self.connector(plugin)?.manifest.capabilities.minimum_schedule_seconds)
    }

    async fn forget(&self, plugin: &str, account: Uuid) -> Result<(), PluginError> {
        self.forget_account(plugin, account).await
    }
}

#[async_trait]
impl ChannelPlugins for Plugins {
    async fn check_config(&self, plugin: &str, config: &Value) -> Result<(), PluginError> {
        self.config_of(plugin, World::Channel, config)
    }

    async fn send(
        &self,
        plugin: &str,
        account: Uuid,
        config: &Value,
        message: OutgoingMessage,
    ) -> Result<Receipt, PluginError> {
        let installed = self.callable(plugin, World::Channel)?;
        let on = ForAccount { account, config };
        match self.call_for(&installed, on, |context| Call::Send { context, message }).await? {
            Answer::Receipt(receipt) => Ok(receipt?),
            _ => Err(crossed(plugin)),
        }
    }

    async fn inbound(
        &self,
        plugin: &str,
        account: Uuid,
        config: &Value,
        request: HookRequest,
    ) -> Result<InboundResult, PluginError> {
        let installed = self.callable(plugin, World::Channel)?;
        if !installed.manifest.capabilities.webhooks {
            return Err(no_webhooks(plugin));
        }
        let on = ForAccount { account, config };
        match self.call_for(&installed, on, |context| Call::Inbound { context, request }).await? {
            Answer::Inbound(result) => Ok(result?),
            _ => Err(crossed(plugin)),
        }
    }

    async fn forget(&self, plugin: &str, account: Uuid) -> Result<(), PluginError> {
        self.forget_account(plugin, account).await
    }
}

#[async_trait]
impl RuleOperators for Plugins {
    async fn operators(&self) -> Result<Vec<OperatorInfo>, PluginError> {
        let mut operators = Vec::new();
        for installed in self.0.catalogue.all() {
            let enabled = installed.state == PluginState::Enabled && installed.is_granted;
            if !enabled || installed.manifest.world != World::RuleOperator {
                continue;
            }
            match self.call(&installed, None, Call::Operators).await {
                Ok(Answer::Operators(of_plugin)) => operators.extend(of_plugin),
                Ok(_) => return Err(crossed(installed.id())),
                // One that cannot say what it has does not hide the others.
                Err(
                    error @ (PluginError::Stopped { .. }
                    | PluginError::Resting { .. }
                    | PluginError::Unavailable { .. }),
                ) => {
                    tracing::warn!(plugin.id = installed.id(), %error, "a plugin's operators cannot be told");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(operators)
    }

    async fn evaluate(
        &self,
        plugin: &str,
        operator: &str,
        args: &Value,
    ) -> Result<Value, PluginError> {
        let installed = self.callable(plugin, World::RuleOperator)?;
        let call = Call::Evaluate { operator: operator.to_owned(), args: args.to_string() };
        match self.call(&installed, None, call).await? {
            Answer::Value(value) => Ok(value?),
            _ => Err(crossed(plugin)),
        }
    }
}
