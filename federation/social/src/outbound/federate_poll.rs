//! Polls: their counts go out while they run, their end when it comes.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobOptions, JobRun, Lane, Tx};

use super::federate_post::update;
use crate::store::write_votes;
use crate::write::votes::{self, Closing};
use crate::{PostId, Social, SocialError};

/// How long votes are gathered before their counts go out.
const GATHERING: chrono::Duration = chrono::Duration::minutes(3);

/// Tells other servers the counts of a local poll.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FederatePoll {
    /// The post with the poll.
    pub post: PostId,
}

impl FederatePoll {
    /// Schedules it for a little later, unless it is scheduled already.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn schedule(&self, social: &Social, tx: &mut Tx) -> Result<(), SocialError> {
        let now = social.spine().clock().now();
        let at = now + GATHERING;
        if write_votes::plan_update(tx.conn(), self.post.number(), now, at).await? {
            tx.schedule_with(self, JobOptions::default().at(at).part(self.post.to_string()))?;
        }
        Ok(())
    }
}

#[async_trait]
impl Job for FederatePoll {
    type Context = Social;
    const KIND: &'static str = "social.federate_poll";
    const LANE: Lane = Lane::Background;

    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        let mut tx = run.begin().await?;
        update(social, &mut tx, self.post, social.spine().clock().now()).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Ends a poll when its time is over: its author and local voters are told, and other servers where
/// the poll is ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClosePoll {
    /// The post with the poll.
    pub post: PostId,
}

#[async_trait]
impl Job for ClosePoll {
    type Context = Social;
    const KIND: &'static str = "social.close_poll";
    const LANE: Lane = Lane::Interactive;

    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        let mut tx = run.begin().await?;
        let options = JobOptions::default().part(self.post.to_string());
        match votes::close(social, &mut tx, self.post).await? {
            Closing::Closed { local: true } => {
                tx.schedule_with(&FederatePoll { post: self.post }, options)?;
            }
            Closing::NotYet(ends_at) => {
                // An edit gave it more time. Another part, as this job is not done yet.
                let part = format!("{} {ends_at}", self.post);
                tx.schedule_with(self, JobOptions::default().at(ends_at).part(part))?;
            }
            Closing::Closed { local: false } | Closing::Nothing => {}
        }
        tx.commit().await?;
        Ok(())
    }
}
