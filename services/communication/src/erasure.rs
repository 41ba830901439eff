//! Erasing: rows here, what the ledger has of them, and their entities in the graph with all their history.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use spine::{Cause, JobOptions, Snowflake, Spine, SpineError, Tx};
use uuid::Uuid;

use crate::entities::{self, Kind};
use crate::jobs::Erase;
use crate::message::Message;
use crate::store::conversations::Conversation;
use crate::store::leftovers::{self, Deleted};
use crate::{Call, Communication, CommunicationError, store};

/// What is erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// All that a removed channel carried.
    Channel(Uuid),
    /// All that is a person's, whichever channel carried it, and where none did.
    Person(Snowflake),
    /// A conversation, as far as it had come when somebody wanted it erased.
    Conversation {
        /// Which.
        id: Uuid,
        /// What comes later stays, and the conversation with it.
        until: DateTime<Utc>,
    },
}

impl Communication {
    /// Erases a conversation: its messages so far, soon, and itself, unless it goes on meanwhile.
    ///
    /// # Errors
    /// The database failed.
    pub(crate) async fn erase_conversation(
        &self,
        id: Uuid,
        cause: Cause,
    ) -> Result<(), CommunicationError> {
        let until = self.0.spine.clock().now();
        let mut tx = self.0.spine.begin(cause).await?;
        let scope = Scope::Conversation { id, until };
        tx.schedule_with(&Erase { scope, batch: 0 }, JobOptions::default().part(id.to_string()))?;
        Ok(tx.commit().await?)
    }

    /// Erases a message. One that is still to be sent is not sent any more, unless it is being handed over this
    /// very moment.
    ///
    /// # Errors
    /// There is none; the database failed.
    pub(crate) async fn erase_message(
        &self,
        id: Uuid,
        cause: Cause,
    ) -> Result<(), CommunicationError> {
        let mut tx = self.0.spine.begin(cause).await?;
        let deleted = leftovers::delete_message(tx.conn(), id).await?;
        let deleted = deleted.ok_or(CommunicationError::NotFound)?;
        let gone = Gone { messages: vec![deleted], ..Gone::default() };
        forget(&mut tx, gone, &format!("message:{id}")).await?;
        Ok(tx.commit().await?)
    }

    /// Erases a call.
    ///
    /// # Errors
    /// There is none; the database failed.
    pub(crate) async fn erase_call(
        &self,
        id: Uuid,
        cause: Cause,
    ) -> Result<(), CommunicationError> {
        let mut tx = self.0.spine.begin(cause).await?;
        if !leftovers::delete_call(tx.conn(), id).await? {
            return Err(CommunicationError::NotFound);
        }
        let gone = Gone { calls: vec![id], ..Gone::default() };
        forget(&mut tx, gone, &format!("call:{id}")).await?;
        Ok(tx.commit().await?)
    }
}

/// What was deleted.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    pub(crate) messages: Vec<Deleted>,
    pub(crate) calls: Vec<Uuid>,
    pub(crate) conversations: Vec<Uuid>,
}

impl Gone {
    pub(crate) fn is_nothing(&self) -> bool {
        self.messages.is_empty() && self.calls.is_empty() && self.conversations.is_empty()
    }
}

/// Has the ledger and the graph forget what was deleted here, and keeps what was still to be sent from being sent;
/// `part` tells it apart from what else the transaction's cause erases.
pub(crate) async fn forget(tx: &mut Tx, gone: Gone, part: &str) -> Result<(), SpineError> {
    let now = tx.spine().clock().now();
    let unsent: Vec<Uuid> =
        gone.messages.iter().filter(|one| one.is_unsent).map(|one| one.id).collect();
    if !unsent.is_empty() {
        store::erased::messages(tx.conn(), &unsent, now).await?;
    }
    let messages: Vec<Uuid> = gone.messages.iter().map(|message| message.id).collect();
    let cause = tx.cause().clone();
    let subjects = messages.iter().map(|id| Message::subject_of(*id));
    let subjects = subjects.chain(gone.calls.iter().map(|id| Call::subject_of(*id)));
    let subjects =
        subjects.chain(gone.conversations.iter().map(|id| Conversation::subject_of(*id)));
    let subjects: Vec<_> = subjects.map(|subject| (subject, cause.clone())).collect();
    Spine::erase_all(tx, &subjects).await?;
    let mut keys = Vec::with_capacity(subjects.len());
    for (kind, ids) in [
        (Kind::Message, messages),
        (Kind::Call, gone.calls),
        (Kind::Conversation, gone.conversations),
    ] {
        keys.extend(ids.into_iter().map(|id| entities::key(kind, id)));
    }
    entities::erase(tx, part, keys)
}
