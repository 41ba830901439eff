//! What a plugin keeps of an account goes with it.

use async_trait::async_trait;
use contracts::plugins::PluginError;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};
use uuid::Uuid;

use crate::Connectors;

/// Has the plugin manager forget the secrets and the state of an account that was removed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ForgetAccount {
    pub(crate) plugin: String,
    pub(crate) account: Uuid,
}

#[async_trait]
impl Job for ForgetAccount {
    type Context = Connectors;
    const KIND: &'static str = "connectors.forget_account";
    const LANE: Lane = Lane::Background;

    async fn run(&self, connectors: &Connectors, _: &mut JobRun) -> Result<(), JobError> {
        match connectors.0.plugins.forget(&self.plugin, self.account).await {
            // The plugin is gone, and what it kept with it.
            Ok(()) | Err(PluginError::Unavailable { .. }) => Ok(()),
            Err(error) => Err(JobError::retry(error)),
        }
    }
}
