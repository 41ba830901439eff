//! What Twilio tells.

mod call;
mod parameters;

use sovereign_plugin::channel::{Event, InboundMessage, InboundResult, Receipt};
use sovereign_plugin::{Host, PluginError, WebhookResponse};

use crate::api;
use crate::settings::Settings;

pub use parameters::Parameters;

/// How many files of a message are looked at; Twilio sends at most 10.
const MOST_MEDIA: usize = 10;

/// What a verified request says, and the answer to it.
pub fn answer<H: Host>(
    host: &H,
    settings: &Settings,
    parameters: &Parameters,
) -> Result<InboundResult, PluginError> {
    if parameters.get("AccountSid").is_some_and(|sid| sid != settings.account_sid) {
        return Err(PluginError::rejected("it is about another account"));
    }
    if parameters.get("CallSid").is_some() {
        return call::answer(host, settings, parameters);
    }
    let Some(sid) = parameters.get("MessageSid").or(parameters.get("SmsSid")) else {
        return Err(PluginError::rejected("it is about neither a message nor a call"));
    };
    match parameters.get("MessageStatus").or(parameters.get("SmsStatus")) {
        None | Some("received" | "receiving") => message(host, sid, parameters),
        Some(status) => Ok(progress(sid, status, parameters)),
    }
}

/// A message came in.
fn message<H: Host>(
    host: &H,
    sid: &str,
    parameters: &Parameters,
) -> Result<InboundResult, PluginError> {
    let message = InboundMessage {
        external_id: sid.to_owned(),
        sender: parameters.required("From")?.to_owned(),
        to: vec![parameters.required("To")?.to_owned()],
        received: host.now(),
        text: text(parameters),
        attachments: Vec::new(),
        in_reply_to: parameters.get("OriginalRepliedMessageSid").map(str::to_owned),
    };
    Ok(InboundResult { events: vec![Event::Received(message)], response: twiml("<Response/>") })
}

/// The text, and the addresses of pictures and other files: they lie behind the account's own sign-in,
/// so they are named and not fetched.
fn text(parameters: &Parameters) -> String {
    let mut lines = vec![parameters.get("Body").unwrap_or_default().to_owned()];
    for number in 0..MOST_MEDIA {
        let Some(url) = parameters.get(&format!("MediaUrl{number}")) else { break };
        let kind = parameters.get(&format!("MediaContentType{number}")).unwrap_or("file");
        lines.push(format!("[{kind}] {url}"));
    }
    lines.retain(|line| !line.is_empty());
    // Databases refuse it, and so does the node.
    lines.join("\n").replace('\0', "")
}

/// How far one of our messages has come.
fn progress(sid: &str, status: &str, parameters: &Parameters) -> InboundResult {
    let detail = parameters
        .get("ErrorCode")
        .filter(|code| *code != "0")
        .map(|code| api::detail(code, parameters.get("ErrorMessage")));
    let receipt = Receipt { external_id: sid.to_owned(), status: api::delivery(status), detail };
    InboundResult { events: vec![Event::Status(receipt)], response: WebhookResponse::status(204) }
}

/// An answer in Twilio's markup.
fn twiml(markup: &str) -> WebhookResponse {
    let document = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{markup}");
    WebhookResponse::ok("text/xml; charset=utf-8", document)
}
