//! What reaches a channel: stored, then answered.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use contracts::access::{Principal, Purpose};
use contracts::events::communication::{
    CallChanged, CallStarted, DeliveryUpdated, MessageReceived, Party,
};
use contracts::plugins::{
    Attachment, CallRecord, ChannelEvent, HookAnswer, HookRequest, InboundMessage, InboundResult,
    PluginError, PluginFailure, Receipt,
};
use serde_json::{Value, json};
use spine::{Cause, Tx};
use uuid::Uuid;

use crate::message::{Direction, Message, Status};
use crate::store::outgoing::Word;
use crate::{
    Address, Call, CallStatus, Channel, ChannelState, Communication, CommunicationError, contacts,
    entities, store,
};
use contracts::input;

/// The largest body of a webhook.
const LARGEST_BODY: usize = 1 << 20;
/// Most events that one webhook brings.
const MOST_EVENTS: usize = 100;
/// Most recipients of a message that are looked at.
const MOST_RECIPIENTS: usize = 50;
/// The longest text that is kept of a message that came in.
const LONGEST_TEXT: usize = 100_000;
/// The longest id that a service gives.
const LONGEST_ID: usize = 300;
/// The longest of what a service says about a message.
const LONGEST_DETAIL: usize = 500;
/// When a service may try again that comes while its channel is paused.
const PAUSED: Duration = Duration::from_secs(3_600);

impl Communication {
    /// Takes a webhook for a channel. The plugin checks that it is genuine; what it brings is on disk, with its
    /// events and entities, when this returns, and a repeat makes nothing twice.
    ///
    /// # Errors
    /// There is no such channel; it is paused; the body is larger than 1 MiB; the plugin refuses the request or
    /// failed; the contacts could not be asked; the database failed. In all these cases nothing was stored.
    pub async fn receive_webhook(
        &self,
        channel: Uuid,
        request: HookRequest,
    ) -> Result<HookAnswer, CommunicationError> {
        if request.body.len() > LARGEST_BODY {
            return Err(CommunicationError::HookTooLarge);
        }
        let channel = self.channel(channel).await?;
        if channel.state == ChannelState::Paused {
            return Err(CommunicationError::Later { after: PAUSED });
        }
        let inbound = self.0.plugins.inbound(&channel.plugin, channel.id, &channel.config, request);
        let InboundResult { events, answer } = inbound.await.inspect_err(|error| {
            tracing::warn!(
                channel.id = %channel.id, plugin = channel.plugin, %error, "a webhook is not taken"
            );
        })?;
        if events.len() > MOST_EVENTS {
            let reason = format!("it gave {} events for one webhook", events.len());
            let failure = PluginFailure::Failed(reason);
            return Err(CommunicationError::Plugin(PluginError::Guest(failure)));
        }
        let events: Vec<ChannelEvent> = events.into_iter().map(normalised).collect();
        let addresses = events.iter().flat_map(addresses);
        let parties = contacts::parties(&self.0.api, channel.owner, addresses).await?;
        self.store(&channel, events, &parties).await?;
        Ok(answer)
    }

    async fn store(
        &self,
        channel: &Channel,
        events: Vec<ChannelEvent>,
        parties: &HashMap<String, Party>,
    ) -> Result<(), CommunicationError> {
        if events.is_empty() {
            return Ok(());
        }
        let cause = Cause {
            space: Some(channel.space.to_string()),
            purpose: Some(Purpose::COMMUNICATE.to_string()),
            ..Cause::by(Principal::Plugin(channel.plugin.clone()).to_string())
        };
        let mut tx = self.0.spine.begin(cause).await?;
        for event in events {
            match event {
                ChannelEvent::Received(message) => {
                    receive(&mut tx, channel, message, parties).await?
                }
                ChannelEvent::Status(receipt) => update(&mut tx, channel, receipt).await?,
                ChannelEvent::Call(call) => hear(&mut tx, channel, call, parties).await?,
            }
        }
        Ok(tx.commit().await?)
    }
}

/// With its addresses in their normal form, and its texts such as Postgres keeps.
fn normalised(event: ChannelEvent) -> ChannelEvent {
    let id = |id: &str| input::kept(id, LONGEST_ID);
    match event {
        ChannelEvent::Received(message) => ChannelEvent::Received(InboundMessage {
            external_id: id(&message.external_id),
            sender: address(&message.sender),
            to: message.to.iter().take(MOST_RECIPIENTS).map(|to| address(to)).collect(),
            text: input::kept(&message.text, LONGEST_TEXT),
            in_reply_to: message.in_reply_to.as_deref().map(id),
            ..message
        }),
        ChannelEvent::Status(receipt) => ChannelEvent::Status(Receipt {
            external_id: id(&receipt.external_id),
            detail: receipt.detail.map(|detail| input::kept(&detail, LONGEST_DETAIL)),
            ..receipt
        }),
        ChannelEvent::Call(call) => ChannelEvent::Call(CallRecord {
            external_id: id(&call.external_id),
            from: address(&call.from),
            to: address(&call.to),
            ..call
        }),
    }
}

/// An address in its normal form; what is none (`anonymous`, a short number) as it is.
fn address(text: &str) -> String {
    Address::parse(text).map_or_else(|| input::kept(text, 255), |known| known.as_str().to_owned())
}

fn addresses(event: &ChannelEvent) -> Vec<&str> {
    match event {
        ChannelEvent::Received(message) => {
            std::iter::once(&message.sender).chain(&message.to).map(String::as_str).collect()
        }
        ChannelEvent::Call(call) => vec![&call.from, &call.to],
        ChannelEvent::Status(_) => Vec::new(),
    }
}

fn party(parties: &HashMap<String, Party>, address: &str) -> Party {
    let bare = || Party { address: address.to_owned(), ..Party::default() };
    parties.get(address).cloned().unwrap_or_else(bare)
}

/// A time that a service gives, unless no clock is off by so much: ahead of ours, or before there were any.
fn plausible(time: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    let ahead = time > now + chrono::TimeDelta::minutes(5);
    if ahead || time < DateTime::UNIX_EPOCH { now } else { time }
}

/// A message came in.
async fn receive(
    tx: &mut Tx,
    channel: &Channel,
    message: InboundMessage,
    parties: &HashMap<String, Party>,
) -> Result<(), CommunicationError> {
    let now = tx.spine().clock().now();
    let at = plausible(message.received, now);
    let from = party(parties, &message.sender);
    let to: Vec<Party> = message.to.iter().map(|address| party(parties, address)).collect();
    // The others: who wrote, and whom they wrote to beside us.
    let mut others = vec![from.clone()];
    others.extend(to.iter().filter(|party| party.address != channel.address).cloned());
    let (conversation, new) = store::conversations::go_on(tx.conn(), channel, &others, at).await?;
    let answers = match &message.in_reply_to {
        Some(id) => store::messages::by_external(tx.conn(), channel.id, id).await?,
        None => None,
    };
    let message = Message {
        id: Uuid::now_v7(),
        direction: Direction::In,
        channel: Some(channel.id),
        conversation: Some(conversation.id),
        owner: channel.owner,
        space: channel.space.clone(),
        labels: channel.labels.clone(),
        external_id: Some(message.external_id),
        from,
        to,
        subject: None,
        text: message.text,
        attachments: attachments(&message.attachments),
        status: Status::Received,
        detail: None,
        rule: None,
        in_reply_to: answers,
        created_at: now,
        sent_at: Some(at),
        updated_at: now,
    };
    if !store::messages::take_in(tx.conn(), &message).await? {
        return Ok(()); // It was delivered before.
    }
    let event = tx.record(&MessageReceived {
        message: message.id,
        conversation: conversation.id,
        channel: channel.id,
        owner: channel.owner,
        space: channel.space.clone(),
        external_id: message.external_id.clone().unwrap_or_default(),
        from: message.from.clone(),
        to: message.to.clone(),
        text: message.text.clone(),
        at,
    })?;
    let mut drafts = vec![entities::of_message(&message)];
    if new {
        drafts.push(entities::of_conversation(&conversation));
    }
    Ok(entities::order(tx, event, Message::subject_of(message.id), drafts)?)
}

fn attachments(attachments: &[Attachment]) -> Value {
    let shown = |attachment: &Attachment| {
        json!({
            "name": input::kept(&attachment.name, 200),
            "media_type": input::kept(&attachment.media_type, 200),
            "bytes": attachment.data.len(),
        })
    };
    attachments.iter().take(MOST_EVENTS).map(shown).collect()
}

/// The service says how far one of ours has come.
async fn update(
    tx: &mut Tx,
    channel: &Channel,
    receipt: Receipt,
) -> Result<(), CommunicationError> {
    let now = tx.spine().clock().now();
    let word = Word {
        channel: channel.id,
        external_id: &receipt.external_id,
        status: receipt.status.into(),
        detail: receipt.detail.as_deref(),
    };
    store::outgoing::lock_external(tx.conn(), word.channel, word.external_id).await?;
    match store::outgoing::advance(tx.conn(), &word, now).await? {
        Some(message) => {
            tx.record(&DeliveryUpdated {
                message,
                channel: channel.id,
                status: word.status.name().to_owned(),
                detail: receipt.detail.clone(),
                at: now,
            })?;
        }
        // It may have come before our own commit: whoever commits takes it up.
        None => store::outgoing::keep_early(tx.conn(), &word, now).await?,
    }
    Ok(())
}

/// A call begins or goes on.
async fn hear(
    tx: &mut Tx,
    channel: &Channel,
    record: CallRecord,
    parties: &HashMap<String, Party>,
) -> Result<(), CommunicationError> {
    let now = tx.spine().clock().now();
    let at = plausible(record.at, now);
    let Some(status) = CallStatus::parse(&record.status) else {
        let reason = format!("{:?} is no state of a call", record.status);
        return Err(CommunicationError::Plugin(PluginFailure::Failed(reason).into()));
    };
    let call = Call {
        id: Uuid::now_v7(),
        channel: channel.id,
        owner: channel.owner,
        space: channel.space.clone(),
        labels: channel.labels.clone(),
        external_id: record.external_id,
        from: party(parties, &record.from),
        to: party(parties, &record.to),
        status: CallStatus::Ringing,
        seconds: None,
        started_at: at,
        ended_at: None,
    };
    if store::calls::begin(tx.conn(), &call).await? {
        let event = tx.record(&CallStarted {
            call: call.id,
            channel: channel.id,
            owner: channel.owner,
            space: channel.space.clone(),
            external_id: call.external_id.clone(),
            from: call.from.clone(),
            to: call.to.clone(),
            at,
        })?;
        entities::order(tx, event, Call::subject_of(call.id), vec![entities::of_call(&call)])?;
    }
    let moved =
        store::calls::advance(tx.conn(), channel.id, &call.external_id, status, record.seconds, at);
    if let Some(call) = moved.await? {
        let event = tx.record(&CallChanged {
            call: call.id,
            channel: channel.id,
            status: status.name().to_owned(),
            seconds: call.seconds,
            at,
        })?;
        entities::order(tx, event, Call::subject_of(call.id), vec![entities::of_call(&call)])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_is_brought_into_our_form() {
        let call = CallRecord {
            external_id: "CA\u{0}1".to_owned(),
            from: "+43 660 1234567".to_owned(),
            to: "anonymous".to_owned(),
            status: "ringing".to_owned(),
            seconds: None,
            at: DateTime::UNIX_EPOCH,
        };
        let ChannelEvent::Call(call) = normalised(ChannelEvent::Call(call)) else { panic!() };
        assert_eq!(
            (&*call.external_id, &*call.from, &*call.to),
            ("CA\u{fffd}1", "+436601234567", "anonymous")
        );
    }

    #[test]
    fn a_service_whose_clock_is_ahead_does_not_make_the_future() {
        let hour = chrono::TimeDelta::hours(1);
        let now = DateTime::UNIX_EPOCH + hour * 5;
        assert_eq!(plausible(now + hour, now), now);
        assert_eq!(plausible(now - hour, now), now - hour);
        assert_eq!(plausible(now - hour * 9, now), now);
    }
}
