//! Accept and Reject: a remote follower hears whether he may follow.

use activitypub::builders;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobOptions, JobRun, Lane, Tx};

use super::{Audience, Outgoing, address, relation, send_instead};
use crate::store::write_commands as store;
use crate::{AccountId, Social, SocialError};

/// Answers a remote account's Follow of a local one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AnswerFollow {
    /// The remote account.
    pub(crate) follower: AccountId,
    /// The local one.
    pub(crate) target: AccountId,
    /// The Follow's ActivityPub id.
    pub(crate) follow: String,
    /// Whether he may.
    pub(crate) accept: bool,
}

impl AnswerFollow {
    /// Schedules the answer.
    ///
    /// # Errors
    /// The job cannot be written.
    pub(crate) fn schedule(&self, tx: &mut Tx) -> Result<(), SocialError> {
        let options = JobOptions::default().part(format!("{} {}", self.accept, self.follow));
        tx.schedule_with(self, options)?;
        Ok(())
    }
}

#[async_trait]
impl Job for AnswerFollow {
    type Context = Social;
    const KIND: &'static str = "social.answer_follow";
    const LANE: Lane = Lane::Interactive;

    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        let mut tx = run.begin().await?;
        let target = self.target.number();
        let follower = store::target(tx.conn(), target, self.follower.number()).await?;
        let Some(actor) = store::actor(social.spine().worker_pool(), target).await? else {
            tx.commit().await?;
            return Ok(());
        };
        if let Some(follower) = follower.filter(|follower| !follower.is_local) {
            let me = address(&actor.uri)?;
            let them = address(&follower.uri)?;
            let request = builders::follow(&address(&self.follow)?, &them, &me);
            let number = social.spine().snowflakes().next();
            let body = if self.accept {
                let id = address(&format!("{me}#accepts/follows/{number}"))?;
                builders::accept(&id, &me, &request)
            } else {
                let id = address(&format!("{me}#rejects/follows/{number}"))?;
                builders::reject(&id, &me, &request)
            };
            let answer = Outgoing {
                sender: self.target,
                about: relation("answer", self.target, self.follower),
                body,
                audience: Audience::one(self.follower),
                urgent: true,
                takes_back: false,
            };
            send_instead(social, &mut tx, answer).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
