//! What the homeserver pushes (Application Service API v1).

use serde::Deserialize;
use serde_json::{Value, json};
use sovereign_plugin::channel::{Attachment, Event, InboundMessage, InboundResult};
use sovereign_plugin::{Host, PluginError, SecretError, WebhookRequest, WebhookResponse};
use subtle::ConstantTimeEq;

use crate::rooms::{self, Invitation};
use crate::settings::Settings;

const SECRET: &str = "hs_token";
const PREFIX: &str = "_matrix/app/v1/";

#[derive(Deserialize)]
struct Transaction {
    events: Vec<Value>,
}

/// The longest of Matrix's ids, in bytes (specification, appendix 4.2).
const LONGEST_ID: usize = 255;
/// How much later than our clock an event's may be; whoever's server it is may write any number there.
const CLOCK_DIFFERENCE: u64 = 60 * 60 * 1000;

/// An event, as far as it is looked at. All of it is as its sender's server likes.
#[derive(Deserialize)]
struct Pushed {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    state_key: Option<String>,
    event_id: String,
    room_id: String,
    sender: String,
    #[serde(default)]
    origin_server_ts: Value,
    content: Value,
}

/// What a request says, and the answer to it.
pub fn answer<H: Host>(
    host: &H,
    settings: &Settings,
    request: &WebhookRequest,
) -> Result<InboundResult, PluginError> {
    verify(host, request)?;
    let Some(path) = request.path().strip_prefix(PREFIX) else {
        return Ok(InboundResult::answer(refusal(404, "M_UNRECOGNIZED")));
    };
    match (request.method.as_str(), path.split_once('/').unwrap_or((path, ""))) {
        ("PUT", ("transactions", id)) if !id.is_empty() => {
            transaction(host, settings, &request.body)
        }
        ("POST", ("ping", "")) => Ok(InboundResult::answer(said(200, &json!({})))),
        // It speaks for one account and has no rooms of its own.
        ("GET", ("users" | "rooms", _)) => Ok(InboundResult::answer(refusal(404, "M_NOT_FOUND"))),
        _ => Ok(InboundResult::answer(refusal(404, "M_UNRECOGNIZED"))),
    }
}

/// The homeserver proves itself by the token of the registration.
fn verify<H: Host>(host: &H, request: &WebhookRequest) -> Result<(), PluginError> {
    let expected = match host.secret(SECRET) {
        Ok(token) if !token.is_empty() => token,
        Ok(_) | Err(SecretError::NotSet) => {
            return Err(PluginError::rejected("this channel has no hs_token: it receives nothing"));
        }
        Err(error) => return Err(error.into()),
    };
    let given = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let given = given.unwrap_or_default().trim();
    if bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
        Ok(())
    } else {
        Err(PluginError::rejected("the hs_token is wrong"))
    }
}

fn transaction<H: Host>(
    host: &H,
    settings: &Settings,
    body: &[u8],
) -> Result<InboundResult, PluginError> {
    let transaction: Transaction = serde_json::from_slice(body)
        .map_err(|error| PluginError::rejected(format!("this is no transaction: {error}")))?;
    let mut events = Vec::new();
    for event in transaction.events {
        // Others have other fields; only messages and invitations are of interest.
        let Ok(event) = serde_json::from_value::<Pushed>(event) else { continue };
        let ids = [&event.event_id, &event.room_id, &event.sender];
        if event.sender == settings.user_id || !ids.into_iter().all(|id| is_id(id)) {
            continue;
        }
        match event.kind.as_str() {
            "m.room.message" => events.extend(message(host, settings, event)?.map(Event::Received)),
            "m.room.member" => rooms::invited(host, settings, &event.invitation())?,
            _ => {}
        }
    }
    Ok(InboundResult { events, response: said(200, &json!({})) })
}

/// What can be one of Matrix's ids.
fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && !text.chars().any(char::is_control)
}

impl Pushed {
    fn invitation(&self) -> Invitation<'_> {
        let content = |name: &str| self.content.get(name);
        Invitation {
            invited: self.state_key.as_deref().unwrap_or_default(),
            is_one: content("membership").and_then(Value::as_str) == Some("invite"),
            is_direct: content("is_direct").and_then(Value::as_bool).unwrap_or_default(),
            by: &self.sender,
            room: &self.room_id,
        }
    }
}

fn message<H: Host>(
    host: &H,
    settings: &Settings,
    event: Pushed,
) -> Result<Option<InboundMessage>, PluginError> {
    let content = &event.content;
    let Some(body) = content.get("body").and_then(Value::as_str) else { return Ok(None) };
    // A bot's own words: answering them would go round in circles.
    if content.get("msgtype").and_then(Value::as_str) == Some("m.notice") {
        return Ok(None);
    }
    // An edit repeats the message that it changes.
    if content.pointer("/m.relates_to/rel_type").and_then(Value::as_str) == Some("m.replace") {
        return Ok(None);
    }
    let answered = content.pointer("/m.relates_to/m.in_reply_to/event_id").and_then(Value::as_str);
    let in_reply_to = answered.filter(|id| is_id(id)).map(str::to_owned);
    let now = host.now();
    let time = event.origin_server_ts.as_u64().filter(|time| *time <= now + CLOCK_DIFFERENCE);
    let attachments = file(content).into_iter().collect();
    // In the room of two it is to us; else to all who are in the room.
    let is_direct = rooms::is_with(host, &event.sender, &event.room_id)?;
    let to = if is_direct { settings.user_id.clone() } else { event.room_id };
    Ok(Some(InboundMessage {
        external_id: event.event_id,
        sender: event.sender,
        to: vec![to],
        received: time.unwrap_or(now),
        // Databases refuse it, and so does the node.
        text: body.replace('\0', ""),
        attachments,
        in_reply_to,
    }))
}

/// A file, by its address: `mxc` addresses are for clients of the homeserver.
fn file(content: &Value) -> Option<Attachment> {
    let url = content.get("url")?.as_str()?;
    let is_address = url.len() <= 480 && url.starts_with("mxc://");
    let media_type = content.pointer("/info/mimetype").and_then(Value::as_str).filter(|kind| {
        kind.len() <= 200 && kind.contains('/') && !kind.chars().any(char::is_control)
    });
    (is_address && !url.chars().any(char::is_control)).then(|| Attachment {
        name: url.to_owned(),
        media_type: media_type.unwrap_or("application/octet-stream").to_owned(),
        data: Vec::new(),
    })
}

fn refusal(status: u16, code: &str) -> WebhookResponse {
    said(status, &json!({"errcode": code, "error": "not served here"}))
}

fn said(status: u16, body: &Value) -> WebhookResponse {
    let mut response = WebhookResponse::ok("application/json", body.to_string());
    response.status = status;
    response
}
