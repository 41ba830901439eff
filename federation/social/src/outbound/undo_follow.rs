//! Undo of a Follow: a remote account hears that it lost a follower.

use activitypub::builders;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobOptions, JobRun, Lane, Tx};

use super::activities::follow_of;
use super::{Audience, Outgoing, address, send_instead};
use crate::store::inbound_activities::take_turns;
use crate::store::write_commands as store;
use crate::{AccountId, Social, SocialError};

/// Takes a local account's Follow of a remote one back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UndoFollow {
    /// The local account.
    pub(crate) follower: AccountId,
    /// The remote one.
    pub(crate) target: AccountId,
    /// The Follow's ActivityPub id.
    pub(crate) follow: String,
}

impl UndoFollow {
    /// Schedules it.
    ///
    /// # Errors
    /// The job cannot be written.
    pub(crate) fn schedule(&self, tx: &mut Tx) -> Result<(), SocialError> {
        tx.schedule_with(self, JobOptions::default().part(self.follow.clone()))?;
        Ok(())
    }
}

#[async_trait]
impl Job for UndoFollow {
    type Context = Social;
    const KIND: &'static str = "social.undo_follow";
    const LANE: Lane = Lane::Interactive;

    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        let mut tx = run.begin().await?;
        let follower = self.follower.number();
        let about = follow_of(self.follower, self.target);
        take_turns(tx.conn(), std::slice::from_ref(&about)).await?;
        let target = store::target(tx.conn(), follower, self.target.number()).await?;
        let actor = store::actor(social.spine().worker_pool(), follower).await?;
        // Whoever follows again has said so with another Follow, which this would end.
        let still = |target: &store::TargetRow| !target.is_local && target.follow_uri.is_none();
        if let (Some(actor), Some(target)) = (actor, target.filter(still)) {
            let me = address(&actor.uri)?;
            let follow = builders::follow(&address(&self.follow)?, &me, &address(&target.uri)?);
            // Outside the follow's own id: where that has a fragment, a path cannot follow it.
            let number = social.spine().snowflakes().next();
            let undo = address(&format!("{me}#undos/follows/{number}"))?;
            let outgoing = Outgoing {
                sender: self.follower,
                about,
                body: builders::undo(&undo, &me, &follow),
                audience: Audience::one(self.target),
                urgent: true,
                takes_back: true,
            };
            send_instead(social, &mut tx, outgoing).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
