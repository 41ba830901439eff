//! What need not be remembered any longer is forgotten.

use async_trait::async_trait;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};

use crate::{Communication, store};

/// How long a service's word waits for the message that it is about.
const EARLY: TimeDelta = TimeDelta::days(7);

/// Forgets words about messages that never became known.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeepHouse {}

#[async_trait]
impl Job for KeepHouse {
    type Context = Communication;
    const KIND: &'static str = "communication.keep_house";
    const LANE: Lane = Lane::Background;

    async fn run(&self, communication: &Communication, run: &mut JobRun) -> Result<(), JobError> {
        let before = run.spine().clock().now() - EARLY;
        let forgotten =
            store::leftovers::forget_early(communication.0.spine.worker_pool(), before).await?;
        tracing::debug!(forgotten, "the communication's house is kept");
        Ok(())
    }
}
