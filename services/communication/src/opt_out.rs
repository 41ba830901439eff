//! Who wants no text messages.
//!
//! Words by which somebody says so: the ones that leave no doubt. Twilio knows more (`CANCEL`, `END`, `QUIT`), which members of a family answer
//! each other with; to whoever says those to a number that Twilio watches over, Twilio itself sends nothing more
//! (its error 21610).

use contracts::events::communication::ConsentToMessagesChanged;
use spine::{Cause, Tx};
use uuid::Uuid;

use crate::{Channel, Communication, CommunicationError, store};

const STOP: [&str; 6] = ["stop", "stopall", "stopp", "unsubscribe", "optout", "revoke"];
const START: [&str; 2] = ["start", "unstop"];

/// Whether whoever writes this wants messages; none where it says nothing about that.
pub(crate) fn said_in(text: &str) -> Option<bool> {
    let ends = |c: char| c.is_whitespace() || ".!\"'".contains(c);
    let word = text.trim_matches(ends);
    if word.len() > 20 {
        return None;
    }
    let word = word.to_lowercase();
    if STOP.contains(&&*word) {
        Some(false)
    } else if START.contains(&&*word) {
        Some(true)
    } else {
        None
    }
}

/// Writes down that somebody wants no messages through a channel, or wants them again; `message` is where they said so.
///
/// # Errors
/// The database failed.
pub(crate) async fn heed(
    tx: &mut Tx,
    channel: &Channel,
    address: &str,
    wanted: bool,
    message: Option<Uuid>,
) -> Result<(), CommunicationError> {
    let now = tx.spine().clock().now();
    let changed = if wanted {
        store::opt_outs::lift(tx.conn(), channel.id, address).await?
    } else {
        store::opt_outs::add(tx.conn(), channel.id, address, now).await?
    };
    if changed {
        let (channel, owner, address) = (channel.id, channel.owner, address.to_owned());
        tx.record(&ConsentToMessagesChanged { channel, owner, address, wanted, message })?;
    }
    Ok(())
}

impl Communication {
    /// Sends messages to an address again.
    ///
    /// # Errors
    /// The database failed.
    pub(crate) async fn lift_opt_out(
        &self,
        channel: &Channel,
        address: &str,
        cause: Cause,
    ) -> Result<(), CommunicationError> {
        let known = crate::Address::parse(address).ok_or(CommunicationError::NotFound)?;
        let mut tx = self.0.spine.begin(cause).await?;
        heed(&mut tx, channel, known.as_str(), true, None).await?;
        Ok(tx.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_word_that_stands_alone_counts() {
        for text in ["STOP", " stop. ", "Stopp!", "\"STOPALL\"", "unsubscribe\n"] {
            assert_eq!(said_in(text), Some(false), "{text}");
        }
        assert_eq!(said_in("Start"), Some(true));
        for text in ["stop it", "Please stop", "", "end", "don't stop", "ok"] {
            assert_eq!(said_in(text), None, "{text}");
        }
    }
}
