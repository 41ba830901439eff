//! What the homeserver pushes (Application Service API v1).

use serde::Deserialize;
use serde_json::{Value, json};
use sovereign_plugin::channel::{Event, InboundMessage, InboundResult};
use sovereign_plugin::{Host, PluginError, SecretError, WebhookRequest, WebhookResponse};
use subtle::ConstantTimeEq;

use crate::settings::Settings;

const SECRET: &str = "hs_token";
const PREFIX: &str = "_matrix/app/v1/";

#[derive(Deserialize)]
struct Transaction {
    events: Vec<Value>,
}

/// An event, as far as it is looked at.
#[derive(Deserialize)]
struct Pushed {
    #[serde(rename = "type")]
    kind: String,
    event_id: String,
    room_id: String,
    sender: String,
    origin_server_ts: u64,
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
        ("PUT", ("transactions", id)) if !id.is_empty() => transaction(settings, &request.body),
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

fn transaction(settings: &Settings, body: &[u8]) -> Result<InboundResult, PluginError> {
    let transaction: Transaction = serde_json::from_slice(body)
        .map_err(|error| PluginError::rejected(format!("this is no transaction: {error}")))?;
    let events = transaction
        .events
        .into_iter()
        // Others have other fields; only messages are of interest.
        .filter_map(|event| serde_json::from_value::<Pushed>(event).ok())
        .filter(|event| event.kind == "m.room.message" && event.sender != settings.user_id)
        .filter(|event| !event.event_id.is_empty() && !event.sender.is_empty())
        .filter_map(message)
        .map(Event::Received)
        .collect();
    Ok(InboundResult { events, response: said(200, &json!({})) })
}

fn message(event: Pushed) -> Option<InboundMessage> {
    let content = &event.content;
    let body = content.get("body")?.as_str()?;
    // A bot's own words: answering them would go round in circles.
    if content.get("msgtype").and_then(Value::as_str) == Some("m.notice") {
        return None;
    }
    // An edit repeats the message that it changes.
    if content.pointer("/m.relates_to/rel_type").and_then(Value::as_str) == Some("m.replace") {
        return None;
    }
    let text = match content.get("url").and_then(Value::as_str) {
        Some(url) => format!("{body}\n{url}"),
        None => body.to_owned(),
    };
    let answered = content.pointer("/m.relates_to/m.in_reply_to/event_id").and_then(Value::as_str);
    let in_reply_to = answered.map(str::to_owned);
    Some(InboundMessage {
        external_id: event.event_id,
        sender: event.sender,
        to: vec![event.room_id],
        received: event.origin_server_ts,
        // Databases refuse it, and so does the node.
        text: text.replace('\0', ""),
        attachments: Vec::new(),
        in_reply_to,
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
