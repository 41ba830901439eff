//! Twilio's Messages resource.

use serde::Deserialize;
use sovereign_plugin::channel::{Context, Delivery, Message, Receipt};
use sovereign_plugin::{Host, PluginError, Request, Response, time};

use crate::settings::{Settings, is_number};
use crate::{SECRET, journal};

/// Twilio refuses more (error 21617).
const LONGEST_TEXT: usize = 1600;
/// How much earlier than our clock Twilio's may say that it took a message.
const CLOCK_DIFFERENCE: u64 = 60_000;

/// What Twilio puts before the texts of accounts that are on trial.
const TRIAL: &str = "Sent from your Twilio trial account - ";
/// Errors that mean the account or its credential, not the message: <https://www.twilio.com/docs/api/errors>.
const OF_THE_ACCOUNT: [u32; 4] = [10_001, 20_003, 20_005, 20_006];
/// The recipient wrote `STOP` to this number.
const UNSUBSCRIBED: u32 = 21_610;
/// Twilio's queue for this number is full.
const QUEUE_IS_FULL: u32 = 21_611;

/// A message as Twilio takes it.
#[derive(Debug)]
pub struct Sms {
    /// The node's id of it.
    id: String,
    to: String,
    from: String,
    text: String,
    /// Where Twilio tells how it goes on.
    callback: String,
}

impl Sms {
    pub fn new(
        settings: &Settings,
        context: &Context,
        message: &Message,
    ) -> Result<Self, PluginError> {
        let [to] = message.to.as_slice() else {
            return Err(PluginError::rejected("an SMS has one recipient"));
        };
        if !is_number(to) {
            return Err(PluginError::rejected(format!("{to} is no number such as +15551230000")));
        }
        if !message.attachments.is_empty() {
            return Err(PluginError::rejected("an SMS carries no files"));
        }
        let text = match message.subject.as_deref().map(str::trim) {
            Some(subject) if !subject.is_empty() => format!("{subject}\n{}", message.text),
            _ => message.text.clone(),
        };
        if text.trim().is_empty() {
            return Err(PluginError::rejected("the message is empty"));
        }
        if text.chars().count() > LONGEST_TEXT {
            return Err(PluginError::rejected(format!(
                "an SMS has at most {LONGEST_TEXT} characters"
            )));
        }
        // A messaging service chooses among its numbers.
        let from = message.sender.clone().filter(|from| is_number(from));
        let from = from.filter(|_| !settings.has_messaging_service());
        Ok(Self {
            id: message.id.clone(),
            to: to.clone(),
            from: from.unwrap_or_else(|| settings.from.clone()),
            text,
            callback: format!("{}/status/{}", context.hook_url.trim_end_matches('/'), message.id),
        })
    }

    fn form(&self) -> String {
        let sender = if self.from.starts_with("MG") { "MessagingServiceSid" } else { "From" };
        form_urlencoded::Serializer::new(String::new())
            .append_pair("To", &self.to)
            .append_pair(sender, &self.from)
            .append_pair("Body", &self.text)
            .append_pair("StatusCallback", &self.callback)
            .finish()
    }
}

/// Why there is no receipt.
#[derive(Debug)]
pub enum SendError {
    /// Twilio refused it: it will not be sent.
    NotTaken(PluginError),
    /// Nobody knows whether Twilio took it.
    Unknown(PluginError),
}

/// Hands a message over.
pub fn send<H: Host>(host: &H, settings: &Settings, sms: &Sms) -> Result<Receipt, SendError> {
    let url = settings.messages_url().map_err(SendError::NotTaken)?;
    let answer = Request::post_form(url, sms.form())
        .header("accept", "application/json")
        .header("i-twilio-idempotency-token", &sms.id)
        .basic(&settings.account_sid, SECRET)
        .send(host)
        .map_err(|error| SendError::Unknown(error.into()))?;
    match answer.status {
        200..=299 => {
            let resource: Resource = answer.json().map_err(SendError::Unknown)?;
            Ok(resource.receipt())
        }
        429 => Err(SendError::NotTaken(refusal(host, answer))),
        // A gateway's word says nothing about what happened behind it.
        408 | 500..=599 => Err(SendError::Unknown(refusal(host, answer))),
        _ => Err(SendError::NotTaken(refusal(host, answer))),
    }
}

/// A message that was handed over since `tried_at`, where the answer to that got lost.
pub fn find<H: Host>(
    host: &H,
    settings: &Settings,
    sms: &Sms,
    tried_at: u64,
) -> Result<Option<Receipt>, PluginError> {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("To", &sms.to)
        .append_pair("PageSize", "100")
        .finish();
    let answer = Request::get(format!("{}?{query}", settings.messages_url()?))
        .header("accept", "application/json")
        .basic(&settings.account_sid, SECRET)
        .send(host)?;
    if !(200..=299).contains(&answer.status) {
        return Err(refusal(host, answer));
    }
    let list: List = answer.json()?;
    for resource in list.messages {
        if resource.may_be(sms, tried_at) && !journal::is_anothers(host, &resource.sid, &sms.id)? {
            return Ok(Some(resource.receipt()));
        }
    }
    Ok(None)
}

#[derive(Debug, Deserialize)]
struct List {
    messages: Vec<Resource>,
}

#[derive(Debug, Deserialize)]
struct Resource {
    sid: String,
    status: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    direction: Option<String>,
    /// As in mail: `Thu, 24 Aug 2023 05:01:45 +0000`.
    #[serde(default)]
    date_created: Option<String>,
    #[serde(default)]
    error_code: Option<u32>,
    #[serde(default)]
    error_message: Option<String>,
}

impl Resource {
    /// Whether it says what the message says, and since it was tried.
    fn may_be(&self, sms: &Sms, tried_at: u64) -> bool {
        let created = self.date_created.as_deref().and_then(time::parse_http_date);
        let body = self.body.as_deref().unwrap_or_default();
        (body == sms.text || body.strip_prefix(TRIAL) == Some(&sms.text))
            && self.direction.as_deref().is_none_or(|direction| direction != "inbound")
            && created.is_none_or(|created| created + CLOCK_DIFFERENCE >= tried_at)
    }

    fn receipt(self) -> Receipt {
        let detail = match (self.error_code, self.error_message) {
            (None, None) => None,
            (Some(code), message) => Some(detail(&code.to_string(), message.as_deref())),
            (None, message) => message,
        };
        Receipt { external_id: self.sid, status: delivery(&self.status), detail }
    }
}

/// An error's code with what it says.
pub fn detail(code: &str, message: Option<&str>) -> String {
    match message {
        Some(message) => format!("Twilio's error {code}: {message}"),
        None => format!("Twilio's error {code}"),
    }
}

/// Twilio's words for how far a message is.
pub fn delivery(status: &str) -> Delivery {
    match status {
        "sent" => Delivery::Sent,
        "delivered" | "partially_delivered" => Delivery::Delivered,
        "read" => Delivery::Read,
        "failed" | "undelivered" | "canceled" => Delivery::Failed,
        // accepted, scheduled, queued, sending: Twilio has it.
        _ => Delivery::Accepted,
    }
}

#[derive(Debug, Deserialize)]
struct Refusal {
    code: u32,
    message: String,
}

/// What a refusal means for the node.
fn refusal<H: Host>(host: &H, answer: Response) -> PluginError {
    let said: Option<Refusal> = answer.json().ok();
    let text = match &said {
        Some(refusal) => detail(&refusal.code.to_string(), Some(&refusal.message)),
        None => answer.complaint(),
    };
    let code = said.map(|refusal| refusal.code);
    match (answer.status, code) {
        (401, _) => PluginError::unauthorized(text),
        (403, Some(code)) if OF_THE_ACCOUNT.contains(&code) => PluginError::unauthorized(text),
        (404, _) => PluginError::bad_config(format!("there is no such account: {text}")),
        (_, Some(UNSUBSCRIBED)) => PluginError::rejected(format!(
            "the recipient wants no messages from this number (STOP): {text}"
        )),
        (429, _) | (_, Some(QUEUE_IS_FULL)) => PluginError::retry(answer.retry_after(host), text),
        // 403 also means a country that the account may not write to.
        (400 | 403 | 422, _) => PluginError::rejected(text),
        (408 | 500..=599, _) => PluginError::retry(answer.retry_after(host), text),
        _ => PluginError::failed(text),
    }
}
