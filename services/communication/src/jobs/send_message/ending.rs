//! Messages that are not sent.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use contracts::events::communication::{DeliveryUpdated, Party};
use contracts::input;
use contracts::jobs::SendOutgoingMessage;
use contracts::plugins::{PluginError, PluginFailure};
use spine::{Job, JobError, JobRun, SpineError, Tx};
use uuid::Uuid;

use super::SendMessage;
use super::sending::{LONGEST_DETAIL, Sending};
use crate::message::{self, Message, Status};
use crate::outbound::bare;
use crate::store;
use crate::store::outgoing::Outgoing;

/// What is written down of a message before this attempt.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known {
    /// Nothing yet: nobody but the order knows of it.
    Nothing,
    /// It waits.
    Waits(DateTime<Utc>),
    /// An earlier attempt was handing it over, and nobody knows what came of that.
    MayBeOut(DateTime<Utc>),
}

impl Known {
    pub(super) fn of(message: Option<&Message>) -> Self {
        match message {
            None => Self::Nothing,
            Some(message) if message.status == Status::Sending => {
                Self::MayBeOut(message.created_at)
            }
            Some(message) => Self::Waits(message.created_at),
        }
    }

    pub(super) fn since(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Nothing => None,
            Self::Waits(since) | Self::MayBeOut(since) => Some(since),
        }
    }

    /// Whether it is written down already.
    pub(super) fn is_something(self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// Why it ends, before its service was asked in this attempt.
    fn words(self, words: &str) -> String {
        let words = match self {
            Self::MayBeOut(_) => {
                format!("{words}; an earlier attempt may have reached its service")
            }
            Self::Nothing | Self::Waits(_) => words.to_owned(),
        };
        input::kept(&words, LONGEST_DETAIL)
    }
}

impl Sending<'_> {
    /// Its service did not take it, or nobody knows.
    pub(super) async fn not_sent(
        &self,
        run: &mut JobRun,
        error: PluginError,
    ) -> Result<(), JobError> {
        let last = run.attempt() >= SendMessage::MAX_ATTEMPTS;
        match error {
            PluginError::Guest(PluginFailure::Retry { after, reason }) if !last => {
                Err(JobError::RetryNotBefore { after: after.unwrap_or_default(), reason })
            }
            PluginError::Guest(PluginFailure::Unauthorized(reason)) => {
                self.sign_in_again(run, &reason).await
            }
            PluginError::Guest(failure) if !matches!(failure, PluginFailure::Retry { .. }) => {
                self.ended(run, Status::Failed, &failure.to_string()).await
            }
            PluginError::Resting { after, .. } => {
                let after = after.max(Duration::from_secs(1));
                Err(JobError::RetryAfter { after, reason: error.to_string() })
            }
            error if last => {
                let detail = format!("{error}; nobody knows whether its service took it");
                self.ended(run, Status::Failed, &detail).await
            }
            error => Err(JobError::retry(error)),
        }
    }

    async fn sign_in_again(&self, run: &mut JobRun, reason: &str) -> Result<(), JobError> {
        let reason = input::kept(reason, LONGEST_DETAIL);
        let mut tx = run.begin().await?;
        store::channels::needs_sign_in(tx.conn(), self.channel.id, &reason).await?;
        self.write_ended(tx, Status::Failed, &reason).await
    }

    /// It is over before its service was asked in this attempt.
    pub(super) async fn end(
        &self,
        run: &mut JobRun,
        status: Status,
        words: &str,
    ) -> Result<(), JobError> {
        let detail = self.known.words(words);
        let (from, nobody) = (bare(&self.channel.address), Party::default());
        let to: Vec<Party> = self.order.to.iter().map(|to| bare(to)).collect();
        let outgoing = self.outgoing(&from, &to, status, Some(&detail));
        // What a rule of somebody else was not let send through a channel is that somebody's: whoever's channel it
        // is learns nothing of it.
        let own = SpaceId::of_person(self.order.owner);
        let is_ours = self.channel.owner == self.order.owner || status != Status::Refused;
        let outgoing = if is_ours {
            outgoing
        } else {
            Outgoing { space: own.as_str(), labels: &[], from: &nobody, ..outgoing }
        };
        write_end(run.begin().await?, self.known.is_something(), &outgoing).await
    }

    /// It is over after its service was asked.
    pub(super) async fn ended(
        &self,
        run: &mut JobRun,
        status: Status,
        words: &str,
    ) -> Result<(), JobError> {
        self.write_ended(run.begin().await?, status, words).await
    }

    async fn write_ended(&self, tx: Tx, status: Status, words: &str) -> Result<(), JobError> {
        let detail = input::kept(words, LONGEST_DETAIL);
        let from = bare(&self.channel.address);
        write_end(tx, true, &self.outgoing(&from, &[], status, Some(&detail))).await
    }
}

/// A message that has no channel, or that nobody could send, is over.
pub(super) async fn give_up(
    order: &SendOutgoingMessage,
    run: &mut JobRun,
    known: Known,
    status: Status,
    words: &str,
) -> Result<(), JobError> {
    let detail = known.words(words);
    let to: Vec<Party> =
        order.to.iter().take(message::MOST_RECIPIENTS).map(|to| bare(to)).collect();
    let space = SpaceId::of_person(order.owner);
    let text = input::kept(&order.text, message::LONGEST_TEXT);
    let subject = order.subject.as_ref().map(|subject| input::kept(subject, LONGEST_DETAIL));
    let purpose = input::kept(&order.purpose, 64);
    let outgoing = Outgoing {
        id: order.message,
        channel: None,
        conversation: None,
        owner: order.owner,
        space: space.as_str(),
        labels: &[],
        from: &Party::default(),
        to: &to,
        subject: subject.as_deref(),
        text: &text,
        purpose: &purpose,
        rule: order.rule,
        in_reply_to: order.in_reply_to,
        status,
        detail: Some(&detail),
    };
    write_end(run.begin().await?, known.is_something(), &outgoing).await
}

/// Writes down that a message is over, with its event, and that its job is done. What is written down of it stays
/// where it is; what is over already, or was erased meanwhile, stays so.
async fn write_end(mut tx: Tx, is_known: bool, outgoing: &Outgoing<'_>) -> Result<(), JobError> {
    let now = tx.spine().clock().now();
    let is_written = if is_known {
        store::outgoing::end(tx.conn(), outgoing, now).await?
    } else {
        store::outgoing::go_on(tx.conn(), outgoing, now).await?
    };
    if is_written {
        let (id, channel) = (outgoing.id, outgoing.channel.unwrap_or_default());
        updated(&mut tx, id, channel, outgoing.status, outgoing.detail)?;
        // Why is in the message, for those who may see it: it names numbers and people.
        tracing::info!(message.id = %id, status = outgoing.status.name(), "a message is not sent");
    }
    Ok(tx.commit().await?)
}

pub(super) fn updated(
    tx: &mut Tx,
    message: Uuid,
    channel: Uuid,
    status: Status,
    detail: Option<&str>,
) -> Result<(), SpineError> {
    let at = tx.spine().clock().now();
    let (status, detail) = (status.name().to_owned(), detail.map(str::to_owned));
    tx.record(&DeliveryUpdated { message, channel, status, detail, at })?;
    Ok(())
}
