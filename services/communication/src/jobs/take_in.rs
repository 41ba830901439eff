//! What came in while nobody could say who is at the other end.

use std::collections::HashMap;

use async_trait::async_trait;
use contracts::plugins::ChannelEvent;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};
use uuid::Uuid;

use crate::{Communication, CommunicationError, contacts, inbound, store};

/// After so many attempts, about a minute, it is taken in without knowing.
const ASKED: u16 = 6;

/// Takes in what a webhook brought, as [`Communication::receive_webhook`] does.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TakeIn {
    pub(crate) channel: Uuid,
    /// In their normal form.
    pub(crate) events: Vec<ChannelEvent>,
}

#[async_trait]
impl Job for TakeIn {
    type Context = Communication;
    const KIND: &'static str = "communication.take_in";
    const LANE: Lane = Lane::Realtime;

    async fn run(&self, communication: &Communication, run: &mut JobRun) -> Result<(), JobError> {
        let pool = communication.0.spine.worker_pool();
        let Some(channel) = store::channels::find(pool, self.channel).await? else {
            return Ok(()); // It was removed, and what it carries with it.
        };
        let addresses = self.events.iter().flat_map(inbound::addresses);
        let parties = contacts::parties(&communication.0.api, channel.owner, addresses).await;
        let parties = match parties {
            Ok(parties) => parties,
            Err(error) if run.attempt() < ASKED => return Err(JobError::retry(error)),
            Err(error) => {
                tracing::warn!(channel.id = %channel.id, %error, "who is at the other end stays unknown");
                HashMap::new()
            }
        };
        let mut tx = run.begin().await?;
        match inbound::take_in(&mut tx, channel.id, self.events.clone(), &parties).await {
            Ok(()) | Err(CommunicationError::NotFound) => Ok(tx.commit().await?),
            Err(error) => Err(JobError::retry(error)),
        }
    }
}
