//! Update of an actor: followers hear of a new profile.

use activitypub::builders::{self, Addressing};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};

use super::{Audience, Outgoing, address, send};
use crate::store::{documents_accounts, write_commands};
use crate::{AccountId, Social};

/// Tells the followers of a local account what its profile says now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FederateActor {
    /// The account.
    pub account: AccountId,
}

#[async_trait]
impl Job for FederateActor {
    type Context = Social;
    const KIND: &'static str = "social.federate_actor";
    const LANE: Lane = Lane::Interactive;

    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        let mut tx = run.begin().await?;
        let pool = social.spine().worker_pool();
        let actor = write_commands::actor(pool, self.account.number()).await?;
        let row = match actor.filter(|actor| !actor.is_gone) {
            Some(actor) => documents_accounts::local_actor(pool, &actor.username).await?,
            None => None,
        };
        if let Some(row) = row
            && let Some(object) = social.render_actor(&row)
        {
            let now = social.spine().clock().now().timestamp_millis();
            let id = address(&format!("{}#updates/{now}", row.uri))?;
            let me = address(&row.uri)?;
            let outgoing = Outgoing {
                sender: self.account,
                about: row.uri,
                body: builders::update(&id, &me, &object, &Addressing::everyone()),
                audience: Audience::followers(self.account, Vec::new()),
                urgent: false,
                takes_back: false,
            };
            send(social, &mut tx, &[outgoing]).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
