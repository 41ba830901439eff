//! What a channel carried, what is a person's, or what was said in a conversation goes.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobOptions, JobRun, Lane};

use crate::erasure::{self, Gone, Scope};
use crate::{Communication, store};

/// How many of each kind go in one transaction.
const BATCH: i64 = 200;

/// Deletes messages, calls and conversations, erases what the ledger has of them, and has their entities erased:
/// some, and then the next.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Erase {
    #[serde(flatten)]
    pub(crate) scope: Scope,
    #[serde(default)]
    pub(crate) batch: u32,
}

#[async_trait]
impl Job for Erase {
    type Context = Communication;
    /// Named when only channels were erased, and what waits under this name still is one.
    const KIND: &'static str = "communication.erase_channel";
    const LANE: Lane = Lane::Background;

    async fn run(&self, _: &Communication, run: &mut JobRun) -> Result<(), JobError> {
        let mut tx = run.begin().await?;
        let messages = store::leftovers::delete_messages(tx.conn(), &self.scope, BATCH).await?;
        let calls = store::leftovers::delete_calls(tx.conn(), &self.scope, BATCH).await?;
        if let Scope::Conversation { id, .. } = &self.scope {
            // What comes in this very moment is waited for and seen, or it would go with its conversation.
            store::leftovers::hold_conversation(tx.conn(), *id).await?;
        }
        let conversations =
            store::leftovers::delete_conversations(tx.conn(), &self.scope, BATCH).await?;
        let gone = Gone { messages, calls, conversations };
        if gone.is_nothing() {
            return Ok(tx.commit().await?);
        }
        let name = match &self.scope {
            Scope::Channel(id) | Scope::Conversation { id, .. } => id.to_string(),
            Scope::Person(person) => format!("person:{person}"),
        };
        erasure::forget(&mut tx, gone, &format!("{name}:{}", self.batch)).await?;
        let next = Self { scope: self.scope.clone(), batch: self.batch + 1 };
        let part = format!("{name}:{}", next.batch);
        tx.schedule_with(&next, JobOptions::default().part(part))?;
        Ok(tx.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_from_before_is_still_understood() {
        let channel = uuid::Uuid::nil();
        let waiting = format!("{{\"channel\":\"{channel}\",\"batch\":3}}");
        let erase: Erase = serde_json::from_str(&waiting).unwrap();
        assert_eq!((erase.scope, erase.batch), (Scope::Channel(channel), 3));
        for scope in [
            Scope::Person(spine::Snowflake(7)),
            Scope::Conversation { id: channel, until: chrono::DateTime::UNIX_EPOCH },
        ] {
            let written = serde_json::to_string(&Erase { scope: scope.clone(), batch: 1 }).unwrap();
            assert_eq!(serde_json::from_str::<Erase>(&written).unwrap().scope, scope);
        }
    }
}
