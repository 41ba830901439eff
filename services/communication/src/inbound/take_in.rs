//! What came in, written down in one transaction.

use std::collections::HashMap;

use chrono::TimeDelta;
use contracts::events::communication::{
    AttachedFile, CallChanged, CallStarted, DeliveryUpdated, MessageReceived, Party,
};
use contracts::plugins::{Attachment, CallRecord, ChannelEvent, InboundMessage, Receipt};
use spine::Tx;
use uuid::Uuid;

use super::normal::{file, plausible};
use crate::message::{Direction, Message, Status};
use crate::outbound::bare;
use crate::store::outgoing::Word;
use crate::{
    Address, Call, CallStatus, Channel, CommunicationError, Scheme, entities, opt_out, store,
};

/// Writes down what reached a channel, with events and entities. Whatever was decided about the channel before
/// this commits holds for it: what is removed takes nothing in.
///
/// # Errors
/// The channel is gone; the database failed.
pub(crate) async fn take_in(
    tx: &mut Tx,
    channel: Uuid,
    events: Vec<ChannelEvent>,
    parties: &HashMap<String, Party>,
) -> Result<(), CommunicationError> {
    let channel = store::channels::lock(tx.conn(), channel).await?;
    let channel = channel.ok_or(CommunicationError::NotFound)?;
    for event in events {
        match event {
            ChannelEvent::Received(message) => receive(tx, &channel, message, parties).await?,
            ChannelEvent::Status(receipt) => update(tx, &channel, receipt).await?,
            ChannelEvent::Call(call) => hear(tx, &channel, call, parties).await?,
        }
    }
    Ok(())
}

fn party(parties: &HashMap<String, Party>, address: &str) -> Party {
    parties.get(address).cloned().unwrap_or_else(|| bare(address))
}

/// A message came in.
async fn receive(
    tx: &mut Tx,
    channel: &Channel,
    message: InboundMessage,
    parties: &HashMap<String, Party>,
) -> Result<(), CommunicationError> {
    if store::messages::is_taken_in(tx.conn(), channel.id, &message.external_id).await? {
        return Ok(()); // It was delivered before.
    }
    let now = tx.spine().clock().now();
    let at = plausible(message.received, now);
    let from = party(parties, &message.sender);
    let to: Vec<Party> = message.to.iter().map(|address| party(parties, address)).collect();
    let others = others(channel, &from, &to);
    let (conversation, new) = store::conversations::go_on(tx.conn(), channel, &others, at).await?;
    let answers = match &message.in_reply_to {
        Some(id) => store::messages::by_external(tx.conn(), channel.id, id).await?,
        None => None,
    };
    let attachments: Vec<AttachedFile> = message.attachments.iter().map(file).collect();
    let files = message.attachments;
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
        attachments,
        status: Status::Received,
        detail: None,
        rule: None,
        in_reply_to: answers,
        created_at: now,
        sent_at: Some(at),
        updated_at: now,
    };
    if !store::messages::take_in(tx.conn(), &message).await? {
        return Ok(());
    }
    keep_files(tx, message.id, files).await?;
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
        attachments: message.attachments.clone(),
        at,
    })?;
    // `STOP` and its like are heeded at once.
    if let Some(wanted) = opt_out::said_in(&message.text).filter(|_| channel.scheme == Scheme::Tel)
    {
        opt_out::heed(tx, channel, &message.from.address, wanted, Some(message.id)).await?;
    }
    let mut drafts = vec![entities::of_message(&message)];
    if new {
        drafts.push(entities::of_conversation(&conversation));
    }
    Ok(entities::order(tx, event, Message::subject_of(message.id), drafts)?)
}

/// Those at the other end: who wrote, and whom they wrote to beside us. In a room it is the room, whoever speaks;
/// a text message reached us by whichever of our numbers.
fn others(channel: &Channel, from: &Party, to: &[Party]) -> Vec<Party> {
    let is_room = |party: &&Party| Address::parse(&party.address).is_some_and(|a| a.is_room());
    if let Some(room) = to.iter().find(is_room) {
        return vec![room.clone()];
    }
    let mut others = vec![from.clone()];
    if channel.scheme != Scheme::Tel {
        others.extend(to.iter().filter(|party| party.address != channel.address).cloned());
    }
    others
}

async fn keep_files(
    tx: &mut Tx,
    message: Uuid,
    files: Vec<Attachment>,
) -> Result<(), CommunicationError> {
    for (number, file) in (0..).zip(files) {
        if !file.data.is_empty() {
            store::files::keep(tx.conn(), message, number, &file.data).await?;
        }
    }
    Ok(())
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
    let Some(moved) = store::outgoing::advance(tx.conn(), &word, now).await? else {
        // It may have come before our own commit: whoever commits takes it up.
        return Ok(store::outgoing::keep_early(tx.conn(), &word, now).await?);
    };
    let event = tx.record(&DeliveryUpdated {
        message: moved,
        channel: channel.id,
        status: word.status.name().to_owned(),
        detail: receipt.detail.clone(),
        at: now,
    })?;
    if let Some(message) = store::messages::find(tx.conn(), moved).await? {
        let drafts = vec![entities::of_message(&message)];
        entities::order(tx, event, Message::subject_of(moved), drafts)?;
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
    let Some(status) = CallStatus::parse(&record.status) else { return Ok(()) };
    // Where the first that is heard of a call is its end, it began as long before as it took.
    let took = record.seconds.filter(|_| status.is_over()).unwrap_or_default();
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
        started_at: at - TimeDelta::seconds(took.min(86_400).into()),
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
            at: call.started_at,
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
