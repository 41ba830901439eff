//! How far people have read.

use contracts::events::communication::ConversationRead;
use spine::{Cause, Snowflake};
use uuid::Uuid;

use crate::{Communication, CommunicationError, store};

impl Communication {
    /// Somebody has read a conversation as far as this message.
    ///
    /// # Errors
    /// It is no message of this conversation; the database failed.
    pub(crate) async fn mark_read(
        &self,
        conversation: Uuid,
        person: Snowflake,
        message: Uuid,
        cause: Cause,
    ) -> Result<(), CommunicationError> {
        let found = store::messages::find(self.0.spine.pool(), message).await?;
        if found.is_none_or(|message| message.conversation != Some(conversation)) {
            return Err(CommunicationError::Invalid(
                "`message` must be one of this conversation".to_owned(),
            ));
        }
        let mut tx = self.0.spine.begin(cause).await?;
        if store::conversations::read(tx.conn(), conversation, person, message).await? {
            tx.record(&ConversationRead { conversation, person, message })?;
            tx.commit().await?;
        }
        Ok(())
    }
}
