//! Finding the inboxes of an activity with many recipients.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};

use super::inboxes::inboxes_of;
use super::{Audience, schedule};
use crate::{AccountId, Social};

/// Finds the inboxes of a kept activity and schedules a delivery to each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Distribute {
    pub(super) activity: i64,
    pub(super) sender: AccountId,
    pub(super) audience: Audience,
    pub(super) urgent: bool,
}

#[async_trait]
impl Job for Distribute {
    type Context = Social;
    const KIND: &'static str = "social.distribute";
    const LANE: Lane = Lane::Interactive;

    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        let mut tx = run.begin().await?;
        for inboxes in inboxes_of(social, &mut tx, &[&self.audience]).await? {
            schedule(social, &mut tx, self.activity, self.sender, inboxes, self.urgent)?;
        }
        tx.commit().await?;
        Ok(())
    }
}
