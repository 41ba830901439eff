//! Messages on their way out: asked for, and routed.

use contracts::events::communication::Party;
use contracts::jobs::SendOutgoingMessage;
use spine::{Cause, JobOptions, Snowflake};
use uuid::Uuid;

use crate::message::{self, MOST_RECIPIENTS, Message, Status};
use crate::store::outgoing::Outgoing;
use crate::{Address, Channel, ChannelState, Communication, CommunicationError, store};

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Its id, for ever.
    pub id: Uuid,
    /// Who sends.
    pub owner: Snowflake,
    /// To whom.
    pub to: Vec<String>,
    /// A subject, where the channel has one.
    pub subject: Option<String>,
    /// The text.
    pub text: String,
    /// Which message it answers.
    pub in_reply_to: Option<Uuid>,
    /// What for.
    pub purpose: String,
}

/// Why a message has no way.
#[derive(Debug)]
pub(crate) enum NoWay {
    /// In words for people.
    Words(String),
    /// The database failed.
    Store(sqlx::Error),
}

impl NoWay {
    /// The channel that is named is not there, or not for whoever names it.
    pub(crate) fn no_channel() -> Self {
        Self::Words("there is no such channel".to_owned())
    }
}

impl From<sqlx::Error> for NoWay {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error)
    }
}

impl From<NoWay> for CommunicationError {
    fn from(no_way: NoWay) -> Self {
        match no_way {
            NoWay::Words(words) => Self::Invalid(words),
            NoWay::Store(error) => Self::Store(error),
        }
    }
}

impl Communication {
    /// The channel that carries a message to these, and their addresses in their normal form: the given one, or
    /// the owner's default for addresses of their kind.
    pub(crate) async fn route(
        &self,
        channel: Option<Uuid>,
        owner: Snowflake,
        to: &[String],
    ) -> Result<(Channel, Vec<String>), NoWay> {
        let words = |words: String| NoWay::Words(words);
        if to.is_empty() || to.len() > MOST_RECIPIENTS {
            return Err(words(format!("`to` must have 1 to {MOST_RECIPIENTS} addresses")));
        }
        let mut addresses = Vec::with_capacity(to.len());
        for text in to {
            let shown: String = text.chars().take(100).collect();
            let address = Address::parse(text).ok_or_else(|| {
                words(format!("{shown:?} is no address that a message can go to"))
            })?;
            addresses.push(address);
        }
        let scheme = addresses[0].scheme();
        if addresses.iter().any(|address| address.scheme() != scheme) {
            return Err(words("all of `to` must be addresses of one kind".to_owned()));
        }
        let pool = self.0.spine.pool();
        let found = match channel {
            Some(id) => store::channels::find(pool, id).await?,
            None => store::channels::default_of(pool, owner, scheme).await?,
        };
        let Some(found) = found else {
            let kind = scheme.name();
            return Err(match channel {
                Some(_) => NoWay::no_channel(),
                None => words(format!("there is no channel for addresses of the kind {kind}")),
            });
        };
        if found.scheme != scheme {
            return Err(words(format!("the channel does not reach {} addresses", scheme.name())));
        }
        if found.state != ChannelState::Active {
            return Err(words(format!("the channel is not active: {}", found.state.name())));
        }
        Ok((found, addresses.iter().map(|address| address.as_str().to_owned()).collect()))
    }

    /// Writes a message down and schedules its sending. Where its id is known already, the message that has it
    /// is answered, as it is.
    ///
    /// # Errors
    /// The input is not acceptable; the database failed.
    pub async fn send(
        &self,
        new: NewMessage,
        channel: &Channel,
        addresses: Vec<String>,
        cause: Cause,
    ) -> Result<Message, CommunicationError> {
        message::check_text(&new.text)?;
        message::check_subject(new.subject.as_deref())?;
        let (from, to) = (bare(&channel.address), addresses.iter().map(|to| bare(to)));
        let to: Vec<Party> = to.collect();
        let outgoing = Outgoing {
            id: new.id,
            channel: Some(channel.id),
            conversation: None,
            owner: new.owner,
            space: channel.space.as_str(),
            labels: &channel.labels,
            from: &from,
            to: &to,
            subject: new.subject.as_deref(),
            text: &new.text,
            purpose: &new.purpose,
            rule: None,
            in_reply_to: new.in_reply_to,
            status: Status::Queued,
            detail: None,
        };
        let now = self.0.spine.clock().now();
        let mut tx = self.0.spine.begin(cause).await?;
        if store::outgoing::queue(tx.conn(), &outgoing, now).await? {
            let order = SendOutgoingMessage {
                message: new.id,
                channel: Some(channel.id),
                owner: new.owner,
                to: addresses,
                subject: new.subject,
                text: new.text,
                rule: None,
                in_reply_to: new.in_reply_to,
                purpose: new.purpose,
                ordered_at: Some(now),
            };
            let options = JobOptions::default().about(Message::subject_of(new.id));
            tx.order(&order, options.part(new.id.to_string()))?;
            tx.commit().await?;
        }
        self.message(new.id).await
    }

    /// One message.
    ///
    /// # Errors
    /// There is none; the database failed.
    pub async fn message(&self, id: Uuid) -> Result<Message, CommunicationError> {
        store::messages::find(self.0.spine.pool(), id).await?.ok_or(CommunicationError::NotFound)
    }
}

/// A party of whom nothing but the address is known.
pub(crate) fn bare(address: &str) -> Party {
    Party { address: address.to_owned(), ..Party::default() }
}
