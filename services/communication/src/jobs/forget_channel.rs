//! What a plugin keeps of a channel goes with it.

use async_trait::async_trait;
use contracts::plugins::PluginError;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};
use uuid::Uuid;

use crate::Communication;

/// Has the plugin manager forget the secrets and the state of a channel that was removed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ForgetChannel {
    pub(crate) plugin: String,
    pub(crate) channel: Uuid,
}

#[async_trait]
impl Job for ForgetChannel {
    type Context = Communication;
    const KIND: &'static str = "communication.forget_channel";
    const LANE: Lane = Lane::Background;

    async fn run(&self, communication: &Communication, _: &mut JobRun) -> Result<(), JobError> {
        match communication.0.plugins.forget(&self.plugin, self.channel).await {
            // The plugin is gone, and what it kept with it.
            Ok(()) | Err(PluginError::Unavailable { .. }) => Ok(()),
            Err(error) => Err(JobError::retry(error)),
        }
    }
}
