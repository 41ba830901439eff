//! Sending.

use serde::Deserialize;
use serde_json::{Value, json};
use sovereign_plugin::channel::{Attachment, Delivery, Message, Receipt};
use sovereign_plugin::{Host, PluginError};

use crate::client::{Client, segment};
use crate::rooms;

#[derive(Deserialize)]
struct Sent {
    event_id: String,
}

/// Sends a message: its text, then each of its files.
pub fn send<H: Host>(client: &Client<'_, H>, message: &Message) -> Result<Receipt, PluginError> {
    let [to] = message.to.as_slice() else {
        return Err(PluginError::rejected("a message to Matrix goes to one room or person"));
    };
    let text = text(message);
    if text.is_none() && message.attachments.is_empty() {
        return Err(PluginError::rejected("the message is empty"));
    }
    let room = rooms::find(client, to)?;
    rooms::check_clear(client, &room)?;

    let mut first = None;
    if let Some(content) = text {
        first = Some(event(client, &room, &message.id, &content)?);
    }
    for (number, attachment) in message.attachments.iter().enumerate() {
        let content = file(client, attachment)?;
        let sent = event(client, &room, &format!("{}-{number}", message.id), &content)?;
        first.get_or_insert(sent);
    }
    let external_id = first.ok_or_else(|| PluginError::failed("nothing was sent"))?;
    Ok(Receipt { external_id, status: Delivery::Sent, detail: None })
}

/// One event. The homeserver takes each transaction id of an account's device once, and answers a
/// repeated one with the event that there is.
fn event<H: Host>(
    client: &Client<'_, H>,
    room: &str,
    transaction: &str,
    content: &Value,
) -> Result<String, PluginError> {
    let path = format!(
        "/_matrix/client/v3/rooms/{}/send/m.room.message/{}",
        segment(room),
        segment(transaction)
    );
    let sent: Sent = client.send("PUT", &path, content)?;
    Ok(sent.event_id)
}

fn text(message: &Message) -> Option<Value> {
    let subject = message.subject.as_deref().map(str::trim).filter(|subject| !subject.is_empty());
    let body = match subject {
        Some(subject) => format!("{subject}\n\n{}", message.text),
        None => message.text.clone(),
    };
    if body.trim().is_empty() {
        return None;
    }
    let mut content = json!({"msgtype": "m.text", "body": body});
    if let Some(html) = &message.html {
        content["format"] = json!("org.matrix.custom.html");
        content["formatted_body"] = json!(html);
    }
    if let Some(event) = &message.in_reply_to {
        content["m.relates_to"] = json!({"m.in_reply_to": {"event_id": event}});
    }
    Some(content)
}

fn file<H: Host>(client: &Client<'_, H>, attachment: &Attachment) -> Result<Value, PluginError> {
    let url = client.upload(&attachment.name, &attachment.media_type, &attachment.data)?;
    let kind = match attachment.media_type.split('/').next() {
        Some("image") => "m.image",
        Some("audio") => "m.audio",
        Some("video") => "m.video",
        _ => "m.file",
    };
    Ok(json!({
        "msgtype": kind,
        "body": attachment.name,
        "filename": attachment.name,
        "url": url,
        "info": {"mimetype": attachment.media_type, "size": attachment.data.len()},
    }))
}
