//! What Twilio tells.

mod call;
mod media;
mod parameters;

use sovereign_plugin::channel::{Event, InboundMessage, InboundResult, Receipt};
use sovereign_plugin::{Host, PluginError, WebhookRequest, WebhookResponse};

use crate::settings::Settings;
use crate::{api, journal};

pub use parameters::Parameters;

/// What a verified request says, and the answer to it.
pub fn answer<H: Host>(
    host: &H,
    settings: &Settings,
    request: &WebhookRequest,
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
        None | Some("received" | "receiving") => message(host, settings, sid, parameters),
        Some(status) => {
            // The address that was given with the message names it.
            if let Some(id) = request.path().strip_prefix("status/")
                && let Err(error) = journal::reported(host, id, sid)
            {
                host.warn(&format!("the journal does not take a report: {error:?}"));
            }
            Ok(progress(sid, status, parameters))
        }
    }
}

/// A message came in.
fn message<H: Host>(
    host: &H,
    settings: &Settings,
    sid: &str,
    parameters: &Parameters,
) -> Result<InboundResult, PluginError> {
    let message = InboundMessage {
        external_id: sid.to_owned(),
        sender: parameters.required("From")?.to_owned(),
        to: vec![parameters.required("To")?.to_owned()],
        received: host.now(),
        // Databases refuse it, and so does the node.
        text: parameters.get("Body").unwrap_or_default().replace('\0', ""),
        attachments: media::of(host, settings, parameters),
        in_reply_to: parameters.get("OriginalRepliedMessageSid").map(str::to_owned),
    };
    Ok(InboundResult { events: vec![Event::Received(message)], response: twiml("<Response/>") })
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
