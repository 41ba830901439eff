//! A message on its way through a channel.

use std::sync::Arc;

use contracts::access::{Access, Caller, Principal, Purpose, Resource, actions};
use contracts::events::communication::{MessageSent, Party};
use contracts::input;
use contracts::jobs::SendOutgoingMessage;
use contracts::plugins::{OutgoingMessage, Receipt};
use spine::{JobError, JobRun};

use super::ending::{Known, updated};
use crate::message::{Message, Status};
use crate::outbound::bare;
use crate::store::conversations::Conversation;
use crate::store::outgoing::{Outgoing, Word};
use crate::{Channel, Communication, contacts, entities, store};

/// The longest of what is kept about a failure.
pub(super) const LONGEST_DETAIL: usize = 500;
/// The longest id that a service gives.
const LONGEST_ID: usize = 300;

/// A message that has a channel.
pub(super) struct Sending<'a> {
    pub(super) communication: &'a Communication,
    pub(super) order: &'a SendOutgoingMessage,
    pub(super) channel: &'a Channel,
    pub(super) known: Known,
}

impl Sending<'_> {
    /// Why it may not be sent, asked anew at each attempt: whoever gets it may have said that they want nothing, and a
    /// consent may have been withdrawn since.
    pub(super) async fn refusal(
        &self,
        run: &JobRun,
        addresses: &[String],
    ) -> Result<Option<String>, JobError> {
        let pool = self.communication.0.spine.worker_pool();
        if let Some(address) = store::opt_outs::among(pool, self.channel.id, addresses).await? {
            return Ok(Some(format!("{address} wants no messages from here (STOP)")));
        }
        // By its id: whom it goes to is not for a log that nobody can erase.
        let id = self.order.message.to_string();
        let resource = Resource::new("message", id, self.channel.space.clone())
            .labelled(self.channel.labels.iter().cloned())
            .about(Some(self.order.owner));
        let policy = Arc::clone(&self.communication.0.policy);
        let access = Access::new(self.caller(run)?, policy);
        let decided = access.require(actions::MESSAGE_SEND, &resource);
        access.settled().await.map_err(JobError::retry)?;
        Ok(decided.err().map(|problem| problem.title().to_owned()))
    }

    /// Who sends it. A rule's message is the rules' doing, for the rule's owner; what a person wrote is their own,
    /// also now that it is sent; all else is ours, for its owner.
    fn caller(&self, run: &JobRun) -> Result<Caller, JobError> {
        let (order, owner) = (self.order, self.order.owner);
        let purpose = Purpose::parse(&order.purpose).ok_or_else(|| {
            JobError::give_up("a message without a purpose came as far as the policy")
        })?;
        let person = Principal::Person(owner);
        let is_theirs = run.cause().actor.as_deref() == Some(person.to_string().as_str());
        Ok(match order.rule {
            Some(_) => Caller::service("rules", purpose).on_behalf_of(owner),
            None if is_theirs => Caller::new(person, purpose),
            None => Caller::service("communication", purpose).on_behalf_of(owner),
        })
    }

    /// To whom, as far as known. Who they are only adds to it, so a graph that is away is no reason to wait.
    pub(super) async fn recipients(&self, addresses: &[String]) -> Vec<Party> {
        let texts = addresses.iter().map(String::as_str);
        match contacts::parties(&self.communication.0.api, self.order.owner, texts).await {
            Ok(mut known) => addresses
                .iter()
                .map(|address| known.remove(address).unwrap_or_else(|| bare(address)))
                .collect(),
            Err(error) => {
                tracing::warn!(%error, message.id = %self.order.message, "recipients are not known");
                addresses.iter().map(|address| bare(address)).collect()
            }
        }
    }

    pub(super) fn outgoing<'s>(
        &'s self,
        from: &'s Party,
        to: &'s [Party],
        status: Status,
        detail: Option<&'s str>,
    ) -> Outgoing<'s> {
        let order = self.order;
        Outgoing {
            id: order.message,
            channel: Some(self.channel.id),
            conversation: None,
            owner: order.owner,
            space: self.channel.space.as_str(),
            labels: &self.channel.labels,
            from,
            to,
            subject: order.subject.as_deref(),
            text: &order.text,
            purpose: &order.purpose,
            rule: order.rule,
            in_reply_to: order.in_reply_to,
            status,
            detail,
        }
    }

    /// Writes down that it is being sent; its conversation, none where it is over already.
    pub(super) async fn begin(
        &self,
        run: &JobRun,
        to: &[Party],
    ) -> Result<Option<Conversation>, JobError> {
        let (channel, now) = (self.channel, run.spine().clock().now());
        let from = bare(&channel.address);
        let mut tx = run.spine().begin_worker(run.cause().clone()).await?;
        if !store::channels::hold(tx.conn(), channel.id).await? {
            return Err(JobError::retry("the channel was removed this very moment"));
        }
        // What was there and was erased meanwhile is not written anew.
        if self.known.is_something()
            && !store::outgoing::hold(tx.conn(), self.order.message).await?
        {
            return Ok(None);
        }
        let (conversation, new) = store::conversations::go_on(tx.conn(), channel, to, now).await?;
        let outgoing = Outgoing {
            conversation: Some(conversation.id),
            ..self.outgoing(&from, to, Status::Sending, None)
        };
        if !store::outgoing::go_on(tx.conn(), &outgoing, now).await? {
            return Ok(None);
        }
        if new {
            let part = format!("conversation:{}", conversation.id);
            entities::order_part(&mut tx, part, vec![entities::of_conversation(&conversation)])?;
        }
        tx.commit().await?;
        Ok(Some(conversation))
    }

    /// As the plugin gets it.
    pub(super) async fn message(&self, to: Vec<String>) -> Result<OutgoingMessage, JobError> {
        let pool = self.communication.0.spine.worker_pool();
        let answered = match self.order.in_reply_to {
            Some(id) => store::messages::find(pool, id).await?,
            None => None,
        };
        Ok(OutgoingMessage {
            id: self.order.message.to_string(),
            to,
            sender: Some(self.channel.address.clone()),
            subject: self.order.subject.clone(),
            text: self.order.text.clone(),
            html: None,
            attachments: Vec::new(),
            in_reply_to: answered
                .filter(|message| message.channel == Some(self.channel.id))
                .and_then(|message| message.external_id),
        })
    }

    /// Its service took it.
    pub(super) async fn accepted(
        &self,
        run: &mut JobRun,
        receipt: Receipt,
        to: &[Party],
        conversation: &Conversation,
    ) -> Result<(), JobError> {
        let (order, channel, now) = (self.order, self.channel, run.spine().clock().now());
        let external_id = input::kept(&receipt.external_id, LONGEST_ID);
        let detail = receipt.detail.map(|detail| input::kept(&detail, LONGEST_DETAIL));
        let status = receipt.status.into();
        let mut tx = run.begin().await?;
        store::outgoing::lock_external(tx.conn(), channel.id, &external_id).await?;
        let first = store::outgoing::accept(
            tx.conn(),
            order.message,
            &external_id,
            status,
            detail.as_deref(),
            now,
        );
        if !first.await? {
            return Ok(()); // Another attempt was told so before.
        }
        let event = tx.record(&MessageSent {
            message: order.message,
            conversation: conversation.id,
            channel: channel.id,
            owner: channel.owner,
            space: channel.space.clone(),
            external_id: external_id.clone(),
            to: to.to_vec(),
            text: order.text.clone(),
            at: now,
        })?;
        // What the service said in the meantime, before it was known which message it meant.
        let early = store::outgoing::take_early(tx.conn(), channel.id, &external_id).await?;
        if let Some((status, detail)) = early {
            let word = Word {
                channel: channel.id,
                external_id: &external_id,
                status,
                detail: detail.as_deref(),
            };
            if store::outgoing::advance(tx.conn(), &word, now).await?.is_some() {
                updated(&mut tx, order.message, channel.id, status, detail.as_deref())?;
            }
        }
        // As it stands now, with what was said early.
        if let Some(message) = store::messages::find(tx.conn(), order.message).await? {
            let about = Message::subject_of(order.message);
            entities::order(&mut tx, event, about, vec![entities::of_message(&message)])?;
        }
        Ok(tx.commit().await?)
    }
}
