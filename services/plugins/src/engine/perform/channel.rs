//! Calls of channels.

use contracts::plugins::{
    CallRecord, ChannelEvent, Delivery, InboundMessage, InboundResult, OutgoingMessage, Receipt,
};
use wasmtime::Store;

use super::{
    Scale, accept, config, description, failure, hook_request, not_of_this_world, refused,
};
use crate::engine::bindings::channel::ChannelPlugin;
use crate::engine::bindings::channel::exports::sovereign::plugin::channel as guest;
use crate::engine::{Answer, Bounds, Call, Context};
use crate::host::Guest;

/// The most events of one webhook.
const EVENTS: usize = 1_000;
/// The longest text of a message, in bytes.
const TEXT: usize = 1 << 20;

pub(super) async fn perform(
    instance: &ChannelPlugin,
    store: &mut Store<Guest>,
    bounds: &Bounds,
    call: Call,
) -> wasmtime::Result<Answer> {
    let channel = instance.sovereign_plugin_channel();
    match call {
        Call::Describe => {
            let told = instance.sovereign_plugin_meta().call_describe(store).await?;
            description(bounds, &told.config_schema, told.kinds)
        }
        Call::Send { context, message } => {
            let answer = channel.call_send(store, &of(context), &outgoing(message)).await?;
            Ok(Answer::Receipt(match answer {
                Ok(told) => Ok(receipt(&mut Scale::new(bounds), told)?),
                Err(error) => Err(failure(error)),
            }))
        }
        Call::Inbound { context, request } => {
            let answer = channel.call_inbound(store, &of(context), &hook_request(request)).await?;
            Ok(Answer::Inbound(match answer {
                Ok(result) => Ok(inbound(bounds, result)?),
                Err(error) => Err(failure(error)),
            }))
        }
        other => not_of_this_world(&other),
    }
}

fn of(context: Context) -> guest::Context {
    guest::Context {
        account: context.account,
        config: config(&context.config),
        hook_url: context.hook_url,
    }
}

fn outgoing(message: OutgoingMessage) -> guest::Message {
    let attachments = message.attachments.into_iter().map(|file| guest::Attachment {
        name: file.name,
        media_type: file.media_type,
        data: file.data,
    });
    guest::Message {
        id: message.id,
        to: message.to,
        sender: message.sender,
        subject: message.subject,
        text: message.text,
        html: message.html,
        attachments: attachments.collect(),
        in_reply_to: message.in_reply_to,
    }
}

fn receipt(scale: &mut Scale, told: guest::Receipt) -> wasmtime::Result<Receipt> {
    Ok(Receipt {
        external_id: scale.name("the id of a receipt", told.external_id, 1_024)?,
        status: match told.status {
            guest::Delivery::Accepted => Delivery::Accepted,
            guest::Delivery::Sent => Delivery::Sent,
            guest::Delivery::Delivered => Delivery::Delivered,
            guest::Delivery::Read => Delivery::Read,
            guest::Delivery::Failed => Delivery::Failed,
        },
        detail: scale.maybe("the detail of a receipt", told.detail, 2_000)?,
    })
}

fn inbound(bounds: &Bounds, result: guest::InboundResult) -> wasmtime::Result<InboundResult> {
    let mut scale = Scale::new(bounds);
    if result.events.len() > EVENTS {
        return refused(format!("it answered more than {EVENTS} events at once"));
    }
    let mut events = Vec::with_capacity(result.events.len());
    for event in result.events {
        events.push(match event {
            guest::Event::Received(message) => {
                ChannelEvent::Received(received(&mut scale, message)?)
            }
            guest::Event::Status(told) => ChannelEvent::Status(receipt(&mut scale, told)?),
            guest::Event::Call(call) => ChannelEvent::Call(phone_call(&mut scale, call)?),
        });
    }
    Ok(InboundResult { events, answer: scale.hook_answer(result.response)? })
}

fn received(scale: &mut Scale, message: guest::InboundMessage) -> wasmtime::Result<InboundMessage> {
    if message.to.len() > 500 || message.attachments.len() > 100 {
        return refused("a message has more than 500 receivers or 100 attachments");
    }
    let mut to = Vec::with_capacity(message.to.len());
    for address in message.to {
        to.push(scale.name("the address of a receiver", address, 1_000)?);
    }
    let mut attachments = Vec::with_capacity(message.attachments.len());
    for file in message.attachments {
        attachments.push(scale.attachment(file.name, file.media_type, file.data)?);
    }
    Ok(InboundMessage {
        external_id: scale.name("the id of a message", message.external_id, 1_024)?,
        sender: scale.name("the sender of a message", message.sender, 1_000)?,
        to,
        received: accept::time("the time of a message", message.received)?,
        text: scale.text("the text of a message", message.text, TEXT)?,
        attachments,
        in_reply_to: scale.maybe("the id of the message before", message.in_reply_to, 1_024)?,
    })
}

fn phone_call(scale: &mut Scale, call: guest::Call) -> wasmtime::Result<CallRecord> {
    Ok(CallRecord {
        external_id: scale.name("the id of a call", call.external_id, 1_024)?,
        from: scale.text("who calls", call.from, 1_000)?,
        to: scale.text("who is called", call.to, 1_000)?,
        status: match call.status {
            guest::CallStatus::Ringing => "ringing",
            guest::CallStatus::Answered => "answered",
            guest::CallStatus::Completed => "completed",
            guest::CallStatus::Busy => "busy",
            guest::CallStatus::NoAnswer => "no_answer",
            guest::CallStatus::Failed => "failed",
            guest::CallStatus::Cancelled => "cancelled",
        }
        .to_owned(),
        seconds: call.seconds,
        at: accept::time("the time of a call", call.at)?,
    })
}
