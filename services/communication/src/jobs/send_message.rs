//! One message, handed to its service.

use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use contracts::access::{Access, Caller, Purpose, Resource, actions};
use contracts::events::communication::{DeliveryUpdated, MessageSent, Party};
use contracts::jobs::SendOutgoingMessage;
use contracts::plugins::{Delivery, OutgoingMessage, PluginError, PluginFailure, Receipt};
use serde::{Deserialize, Serialize};
use spine::{Concurrency, Job, JobContract, JobError, JobRun, Lane, SpineError, Tx};
use uuid::Uuid;

use crate::contacts;
use crate::message::{self, Message, Status};
use crate::outbound::{NoWay, bare};
use crate::store::conversations::Conversation;
use crate::store::outgoing::{Outgoing, Word};
use crate::{Channel, Communication, entities, store};
use contracts::input;

/// A message that could not be sent for so long is not sent any more: late, it says something else.
const SEND_WITHIN: TimeDelta = TimeDelta::hours(24);
/// The longest of what is kept about a failure.
const LONGEST_DETAIL: usize = 500;
/// The longest id that a service gives.
const LONGEST_ID: usize = 300;

/// Sends a message: the policy first, then the row, then the service, then what it said.
///
/// Safe to run twice. The row is `sending` before the service hears of the message, and the message's id is its
/// idempotency key there: a run that died after the service's yes is repeated with the same id.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct SendMessage(SendOutgoingMessage);

#[async_trait]
impl Job for SendMessage {
    type Context = Communication;
    const KIND: &'static str = <SendOutgoingMessage as JobContract>::KIND;
    const LANE: Lane = <SendOutgoingMessage as JobContract>::LANE;
    const MAX_ATTEMPTS: u16 = <SendOutgoingMessage as JobContract>::MAX_ATTEMPTS;

    fn concurrency(&self) -> Option<Concurrency> {
        JobContract::concurrency(&self.0)
    }

    async fn run(&self, communication: &Communication, run: &mut JobRun) -> Result<(), JobError> {
        let order = &self.0;
        let known = store::messages::find(run.spine().worker_pool(), order.message).await?;
        if known.as_ref().is_some_and(|message| !message.status.is_to_be_sent()) {
            return Ok(()); // It is over.
        }
        if let Some((status, words)) = unsayable(order) {
            return give_up(order, run, status, &words).await;
        }
        let routed = communication.route(order.channel, order.owner, &order.to).await;
        let (channel, addresses) = match routed {
            Ok(routed) => routed,
            Err(NoWay::Store(error)) => return Err(error.into()),
            Err(NoWay::Words(words)) => return give_up(order, run, Status::Failed, &words).await,
        };
        let sending = Sending { communication, order, channel: &channel };
        let begun = known.map_or_else(|| run.spine().clock().now(), |message| message.created_at);
        if run.spine().clock().now() - begun > SEND_WITHIN {
            return sending.end(run, Status::Failed, "it could not be sent for a day").await;
        }
        if let Some(reason) = sending.refusal(&addresses).await? {
            return sending.end(run, Status::Refused, &reason).await;
        }
        let to = sending.recipients(&addresses).await;
        let Some(conversation) = sending.begin(run, &to).await? else {
            return Ok(()); // It ended meanwhile.
        };
        let message = sending.message(addresses).await?;
        let plugins = &communication.0.plugins;
        match plugins.send(&channel.plugin, channel.id, &channel.config, message).await {
            Ok(receipt) if receipt.status == Delivery::Failed => {
                let detail = receipt.detail.unwrap_or_else(|| "its service refused it".to_owned());
                sending.end(run, Status::Failed, &detail).await
            }
            Ok(receipt) => sending.accepted(run, receipt, &to, &conversation).await,
            Err(error) => sending.not_sent(run, error).await,
        }
    }
}

/// What speaks against a message before anybody is asked.
fn unsayable(order: &SendOutgoingMessage) -> Option<(Status, String)> {
    if Purpose::parse(&order.purpose).is_none() {
        return Some((Status::Refused, "its purpose is none".to_owned()));
    }
    let checked = message::check_text(&order.text)
        .and_then(|()| message::check_subject(order.subject.as_deref()));
    checked.err().map(|error| (Status::Failed, error.to_string()))
}

/// A message that has a channel.
struct Sending<'a> {
    communication: &'a Communication,
    order: &'a SendOutgoingMessage,
    channel: &'a Channel,
}

impl Sending<'_> {
    /// Why the policy does not permit it, asked anew at each attempt: a consent may have been withdrawn since.
    async fn refusal(&self, addresses: &[String]) -> Result<Option<String>, JobError> {
        let purpose = Purpose::parse(&self.order.purpose).ok_or_else(|| {
            JobError::give_up("a message without a purpose came as far as the policy")
        })?;
        // A rule's message is the rules' doing, for the rule's owner.
        let service = if self.order.rule.is_some() { "rules" } else { "communication" };
        let caller = Caller::service(service, purpose).on_behalf_of(self.order.owner);
        let resource = Resource::new("message", addresses.join(","), self.channel.space.clone())
            .labelled(self.channel.labels.iter().cloned())
            .about(Some(self.order.owner));
        let policy = &self.communication.0.policy;
        let decided = Access::new(caller, std::sync::Arc::clone(policy))
            .require(actions::MESSAGE_SEND, &resource);
        policy.settled().await.map_err(JobError::retry)?;
        Ok(decided.err().map(|problem| problem.title().to_owned()))
    }

    /// To whom, as far as known. Who they are only adds to it, so a graph that is away is no reason to wait.
    async fn recipients(&self, addresses: &[String]) -> Vec<Party> {
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

    fn outgoing<'s>(
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
    async fn begin(&self, run: &JobRun, to: &[Party]) -> Result<Option<Conversation>, JobError> {
        let (channel, now) = (self.channel, run.spine().clock().now());
        let from = bare(&channel.address);
        let mut tx = run.spine().begin_worker(run.cause().clone()).await?;
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
    async fn message(&self, to: Vec<String>) -> Result<OutgoingMessage, JobError> {
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
    async fn accepted(
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
        let message = Message {
            id: order.message,
            direction: message::Direction::Out,
            channel: Some(channel.id),
            conversation: Some(conversation.id),
            owner: order.owner,
            space: channel.space.clone(),
            labels: channel.labels.clone(),
            external_id: Some(external_id),
            from: bare(&channel.address),
            to: to.to_vec(),
            subject: order.subject.clone(),
            text: order.text.clone(),
            attachments: serde_json::Value::Array(Vec::new()),
            status,
            detail,
            rule: order.rule,
            in_reply_to: order.in_reply_to,
            created_at: now,
            sent_at: Some(now),
            updated_at: now,
        };
        let about = Message::subject_of(order.message);
        entities::order(&mut tx, event, about, vec![entities::of_message(&message)])?;
        Ok(tx.commit().await?)
    }

    /// Its service did not take it, or nobody knows.
    async fn not_sent(&self, run: &mut JobRun, error: PluginError) -> Result<(), JobError> {
        let last = run.attempt() >= SendMessage::MAX_ATTEMPTS;
        match error {
            PluginError::Guest(PluginFailure::Retry { after, reason }) if !last => {
                Err(JobError::RetryNotBefore { after: after.unwrap_or_default(), reason })
            }
            PluginError::Guest(PluginFailure::Unauthorized(reason)) => {
                self.sign_in_again(run, &reason).await
            }
            PluginError::Guest(failure) => {
                self.end(run, Status::Failed, &failure.to_string()).await
            }
            PluginError::Resting { after, .. } => {
                let after = after.max(Duration::from_secs(1));
                Err(JobError::RetryAfter { after, reason: error.to_string() })
            }
            error if last => self.end(run, Status::Failed, &error.to_string()).await,
            error => Err(JobError::retry(error)),
        }
    }

    async fn sign_in_again(&self, run: &mut JobRun, reason: &str) -> Result<(), JobError> {
        let reason = input::kept(reason, LONGEST_DETAIL);
        let mut tx = run.begin().await?;
        store::channels::needs_sign_in(tx.conn(), self.channel.id, &reason).await?;
        self.write_end(tx, Status::Failed, &reason).await
    }

    /// It is over: it failed, or the policy refuses it.
    async fn end(&self, run: &mut JobRun, status: Status, detail: &str) -> Result<(), JobError> {
        let tx = run.begin().await?;
        self.write_end(tx, status, detail).await
    }

    async fn write_end(&self, mut tx: Tx, status: Status, detail: &str) -> Result<(), JobError> {
        let now = tx.spine().clock().now();
        let detail = input::kept(detail, LONGEST_DETAIL);
        let from = bare(&self.channel.address);
        let to: Vec<Party> = self.order.to.iter().map(|to| bare(to)).collect();
        let outgoing = self.outgoing(&from, &to, status, Some(&detail));
        if store::outgoing::go_on(tx.conn(), &outgoing, now).await? {
            updated(&mut tx, self.order.message, self.channel.id, status, Some(&detail))?;
            tracing::info!(
                message.id = %self.order.message, status = status.name(), detail,
                "a message is not sent"
            );
        }
        Ok(tx.commit().await?)
    }
}

/// A message that has no channel, or that nobody could send, is over.
async fn give_up(
    order: &SendOutgoingMessage,
    run: &mut JobRun,
    status: Status,
    detail: &str,
) -> Result<(), JobError> {
    let now = run.spine().clock().now();
    let detail = input::kept(detail, LONGEST_DETAIL);
    let to: Vec<Party> =
        order.to.iter().take(message::MOST_RECIPIENTS).map(|to| bare(to)).collect();
    let space = contracts::access::SpaceId::of_person(order.owner);
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
    let mut tx = run.begin().await?;
    if store::outgoing::go_on(tx.conn(), &outgoing, now).await? {
        updated(&mut tx, order.message, Uuid::nil(), status, Some(&detail))?;
    }
    Ok(tx.commit().await?)
}

fn updated(
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
