//! Calls.

use sovereign_plugin::channel::{Call, CallStatus, Event, InboundResult};
use sovereign_plugin::{Host, PluginError, WebhookResponse, time};

use super::{Parameters, twiml};
use crate::settings::{Settings, VoiceAnswer};

/// A call begins or changes.
pub fn answer<H: Host>(
    host: &H,
    settings: &Settings,
    parameters: &Parameters,
) -> Result<InboundResult, PluginError> {
    let word = parameters.required("CallStatus")?;
    let status = status(word)?;
    let call = Call {
        external_id: parameters.required("CallSid")?.to_owned(),
        from: parameters.required("From")?.to_owned(),
        to: parameters.required("To")?.to_owned(),
        status,
        seconds: parameters.get("CallDuration").and_then(|seconds| seconds.parse().ok()),
        at: parameters
            .get("Timestamp")
            .and_then(time::parse_http_date)
            .unwrap_or_else(|| host.now()),
    };
    // Twilio names the source of a report about progress; a call that waits for instructions has none.
    let is_report = parameters.get("CallbackSource").is_some();
    let waits = !is_report && matches!(status, CallStatus::Ringing | CallStatus::Answered);
    let response = if waits { instructions(settings) } else { WebhookResponse::status(204) };
    Ok(InboundResult { events: vec![Event::Call(call)], response })
}

fn status(word: &str) -> Result<CallStatus, PluginError> {
    Ok(match word {
        "queued" | "initiated" | "ringing" => CallStatus::Ringing,
        "in-progress" | "answered" => CallStatus::Answered,
        "completed" => CallStatus::Completed,
        "busy" => CallStatus::Busy,
        "no-answer" => CallStatus::NoAnswer,
        "failed" => CallStatus::Failed,
        "canceled" => CallStatus::Cancelled,
        _ => return Err(PluginError::rejected(format!("the call's status {word} is unknown"))),
    })
}

/// What Twilio does with the caller.
fn instructions(settings: &Settings) -> WebhookResponse {
    let voice = &settings.voice;
    match (voice.answer, voice.text.as_deref()) {
        (VoiceAnswer::Say, Some(text)) => {
            let language = voice.language.as_deref().unwrap_or("en-US");
            twiml(&format!(
                "<Response><Say language=\"{}\">{}</Say><Hangup/></Response>",
                escaped(language),
                escaped(text.trim())
            ))
        }
        _ => twiml("<Response><Reject reason=\"busy\"/></Response>"),
    }
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // XML 1.0 has no other control characters.
            c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => escaped.push(' '),
            '\u{fffe}' | '\u{ffff}' => escaped.push(' '),
            c => escaped.push(c),
        }
        escaped
    })
}
