//! Jobs that one service schedules and another performs.
//!
//! The performing service implements [`spine::Job`] for a transparent wrapper with the same
//! [`JobContract::KIND`]; the others schedule with [`spine::Tx::order`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use spine::{Concurrency, JobContract, Lane, Snowflake};
use uuid::Uuid;

use crate::model::{EntityDraft, SourceKey};

/// Write entities into the graph. Performed by the data service; keyed by the event that brought the
/// records and its part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WriteEntities {
    /// Where they come from, as [`crate::model::SourceKey::source`]: one at a time a source.
    pub source: String,
    /// The entities, at most a few hundred.
    pub entities: Vec<EntityDraft>,
}

impl JobContract for WriteEntities {
    const KIND: &'static str = "data.write_entities";
    const LANE: Lane = Lane::Background;

    fn concurrency(&self) -> Option<Concurrency> {
        Some(Concurrency { key: format!("data:{}", self.source), limit: 1 })
    }
}

/// Erase the entities that have these keys: their content in all versions and what the ledger has of it, for
/// ever. What is ordered under these keys later, or waits already, is not written. Performed by the data service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EraseEntities {
    /// Where they come from, as [`crate::model::SourceKey::source`]: one at a time a source.
    pub source: String,
    /// Their keys, at most a few hundred.
    pub keys: Vec<SourceKey>,
}

impl JobContract for EraseEntities {
    const KIND: &'static str = "data.erase_entities";
    const LANE: Lane = Lane::Background;

    fn concurrency(&self) -> Option<Concurrency> {
        Some(Concurrency { key: format!("data:{}", self.source), limit: 1 })
    }
}

/// Send a message. Performed by the communication service, which asks the policy first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SendOutgoingMessage {
    /// Names the message for ever, and is the idempotency key that the outside service gets.
    pub message: Uuid,
    /// Through which channel; none: the owner's default one for the address.
    pub channel: Option<Uuid>,
    /// Who sends.
    pub owner: Snowflake,
    /// To whom: phone numbers, addresses.
    pub to: Vec<String>,
    /// A subject, where the channel has one.
    #[serde(default)]
    pub subject: Option<String>,
    /// The text.
    pub text: String,
    /// The rule that sends it, if one does.
    #[serde(default)]
    pub rule: Option<Uuid>,
    /// Which message it answers.
    #[serde(default)]
    pub in_reply_to: Option<Uuid>,
    /// What for.
    pub purpose: String,
    /// When it was ordered: a message that is a day late says something else, and is not sent any more. Where nothing
    /// is said, the day begins with the first attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered_at: Option<DateTime<Utc>>,
}

impl JobContract for SendOutgoingMessage {
    const KIND: &'static str = "communication.send_outgoing_message";
    const LANE: Lane = Lane::Interactive;

    /// Ordered twice, a message is sent once also where its service knows no idempotency keys: the second
    /// comes when the first is over.
    fn concurrency(&self) -> Option<Concurrency> {
        Some(Concurrency { key: format!("message:{}", self.message), limit: 1 })
    }
}
