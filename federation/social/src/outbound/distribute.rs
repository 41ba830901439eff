//! Finding the inboxes of an activity with many recipients.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};

use super::{Audience, schedule};
use crate::store::write_outbound as store;
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
        let followed = [self.audience.followers_of.map(AccountId::number)];
        let people: Vec<i64> = self.audience.accounts.iter().map(|a| a.number()).collect();
        let audiences = vec![1; people.len()];
        let inboxes = store::inboxes(tx.conn(), &followed, &audiences, &people).await?;
        let inboxes: Vec<&str> = inboxes.iter().map(|inbox| inbox.url.as_str()).collect();
        schedule(social, &mut tx, self.activity, self.sender, &inboxes, self.urgent)?;
        tx.commit().await?;
        Ok(())
    }
}
