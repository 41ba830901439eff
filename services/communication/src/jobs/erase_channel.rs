//! All that a channel carried goes.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobOptions, JobRun, Lane, Spine};
use uuid::Uuid;

use crate::entities::{self, Kind};
use crate::message::Message;
use crate::{Call, Communication, store};

/// How many of each kind go in one transaction.
const BATCH: i64 = 200;

/// Deletes the messages, calls and conversations of a channel that is removed, erases what the ledger has of
/// them, and has their entities closed: some, and then the next.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EraseChannel {
    pub(crate) channel: Uuid,
    #[serde(default)]
    pub(crate) batch: u32,
}

#[async_trait]
impl Job for EraseChannel {
    type Context = Communication;
    const KIND: &'static str = "communication.erase_channel";
    const LANE: Lane = Lane::Background;

    async fn run(&self, _: &Communication, run: &mut JobRun) -> Result<(), JobError> {
        let mut tx = run.begin().await?;
        let messages = store::leftovers::delete_messages(tx.conn(), self.channel, BATCH).await?;
        let calls = store::leftovers::delete_calls(tx.conn(), self.channel, BATCH).await?;
        let conversations =
            store::leftovers::delete_conversations(tx.conn(), self.channel, BATCH).await?;
        if messages.is_empty() && calls.is_empty() && conversations.is_empty() {
            return Ok(tx.commit().await?);
        }
        let cause = tx.cause().clone();
        let subjects: Vec<_> = messages
            .iter()
            .map(|(id, _)| Message::subject_of(*id))
            .chain(calls.iter().map(|(id, _)| Call::subject_of(*id)))
            .map(|subject| (subject, cause.clone()))
            .collect();
        Spine::erase_all(&mut tx, &subjects).await?;
        let kinds =
            [(Kind::Message, messages), (Kind::Call, calls), (Kind::Conversation, conversations)];
        for (kind, gone) in kinds {
            if gone.is_empty() {
                continue;
            }
            let drafts = gone.iter().map(|(id, space)| entities::gone(kind, *id, space)).collect();
            let part = format!("erase:{}:{}:{kind:?}", self.channel, self.batch);
            entities::order_part(&mut tx, part, drafts)?;
        }
        let next = Self { channel: self.channel, batch: self.batch + 1 };
        let part = format!("{}:{}", next.channel, next.batch);
        tx.schedule_with(&next, JobOptions::default().part(part))?;
        Ok(tx.commit().await?)
    }
}
