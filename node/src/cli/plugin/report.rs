//! What came of trying a component, for people and for programs.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contracts::events::connectors::RawRecord;
use contracts::plugins::{
    ChannelEvent, ConnectorBatch, HookAnswer, InboundResult, OperatorInfo, PluginFailure, Receipt,
    WebhookOutcome,
};
use plugins::Capabilities;
use plugins::harness::{Trial, Tried};
use plugins::manifest::{Limits, World};
use serde::Serialize;
use serde_json::{Value, json};

use super::trial::milliseconds;

/// How much of a payload people see, in characters.
const EXCERPT: usize = 200;
/// How many records of a call people see.
const SHOWN: usize = 20;

/// What came of trying a component.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    plugin: String,
    version: String,
    world: World,
    sha256: String,
    asks: Capabilities,
    kinds: Vec<String>,
    /// Where the configuration does not fit the component's schema: then nothing was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) config_problem: Option<String>,
    pub(super) calls: Vec<Call>,
}

/// A call and what came of it: an answer, a failure in the plugin's words, or a broken limit.
#[derive(Debug, Serialize)]
pub(super) struct Call {
    call: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
    log: Vec<Value>,
    requests: Vec<String>,
    used: Used,
    /// The answer for people.
    #[serde(skip)]
    told: String,
}

/// What a call used of its limits.
#[derive(Debug, Serialize)]
struct Used {
    took_ms: Value,
    deadline_ms: u32,
    computed_ms: Value,
    cpu_ms: u32,
    memory_kib: usize,
    memory_limit_kib: usize,
    requests: usize,
    requests_per_call: u32,
}

impl Report {
    pub(super) fn new(trial: &Trial, sha256: String) -> Self {
        let manifest = trial.manifest();
        Self {
            plugin: manifest.id.clone(),
            version: manifest.version.to_string(),
            world: manifest.world,
            sha256,
            asks: Capabilities::of(manifest),
            kinds: trial.description().kinds.clone(),
            config_problem: None,
            calls: Vec::new(),
        }
    }

    /// Why the plugin could not do what it was to do.
    pub(super) fn problem(&self) -> Option<String> {
        if let Some(wrong) = &self.config_problem {
            return Some(format!("the configuration is wrong: {wrong}"));
        }
        let went_wrong = self.calls.iter().find_map(|call| {
            let stopped = call.stopped.as_ref().map(|why| format!("a node would stop it: {why}"));
            stopped.or_else(|| call.failure.clone())
        });
        went_wrong.map(|why| format!("the plugin could not do it: {why}"))
    }

    /// The same for people.
    pub(super) fn in_words(&self) -> String {
        let mut text = format!(
            "{} {} ({})\nsha256    {}\n",
            self.plugin, self.version, self.world, self.sha256
        );
        push(&mut text, "hosts", &self.asks.hosts.join(", "));
        let secrets: Vec<&str> = self.asks.secrets.iter().map(|s| s.name.as_str()).collect();
        push(&mut text, "secrets", &secrets.join(", "));
        push(&mut text, "kinds", &self.kinds.join(", "));
        if let Some(wrong) = &self.config_problem {
            push(&mut text, "config", wrong);
        }
        for call in &self.calls {
            text.push('\n');
            call.in_words(&mut text);
        }
        text.trim_end().to_owned()
    }
}

impl Call {
    pub(super) fn sync(tried: Tried<ConnectorBatch>, limits: &Limits) -> Self {
        Self::of("sync", tried, limits, |batch| {
            let next = batch.next_cursor.as_deref().map(cursor);
            let mut told = records(&batch.records);
            push(&mut told, "cursor", next.as_deref().unwrap_or_default());
            push(&mut told, "more", if batch.more { "call again at once" } else { "" });
            let again = batch.next_sync_after.map(|time| time.to_rfc3339());
            push(&mut told, "again", again.as_deref().unwrap_or_default());
            let answer = json!({
                "records": batch.records,
                "cursor": next,
                "more": batch.more,
                "next_sync_after": batch.next_sync_after,
            });
            (answer, told)
        })
    }

    pub(super) fn webhook(tried: Tried<WebhookOutcome>, limits: &Limits) -> Self {
        Self::of("webhook", tried, limits, |outcome| {
            let mut told = records(&outcome.records);
            hook_answer(&mut told, &outcome.answer);
            push(&mut told, "sync", if outcome.sync_soon { "soon" } else { "" });
            let answer = json!({
                "records": outcome.records,
                "answer": answered(&outcome.answer),
                "sync_soon": outcome.sync_soon,
            });
            (answer, told)
        })
    }

    pub(super) fn inbound(tried: Tried<InboundResult>, limits: &Limits) -> Self {
        Self::of("inbound", tried, limits, |result| {
            let events: Vec<Value> = result.events.iter().map(event).collect();
            let mut told = String::new();
            for event in &events {
                push(&mut told, "event", &event.to_string());
            }
            hook_answer(&mut told, &result.answer);
            (json!({ "events": events, "answer": answered(&result.answer) }), told)
        })
    }

    pub(super) fn send(tried: Tried<Receipt>, limits: &Limits) -> Self {
        Self::of("send", tried, limits, |told| plain("receipt", receipt(&told)))
    }

    pub(super) fn operators(tried: Tried<Vec<OperatorInfo>>, limits: &Limits) -> Self {
        Self::of("operators", tried, limits, |operators| {
            let mut told = String::new();
            for operator in &operators {
                push(
                    &mut told,
                    "operator",
                    &format!(
                        "{} {} -> {}",
                        operator.name, operator.args_schema, operator.result_schema
                    ),
                );
            }
            let answer = operators.iter().map(|operator| {
                json!({
                    "name": operator.name,
                    "args_schema": operator.args_schema,
                    "result_schema": operator.result_schema,
                })
            });
            (answer.collect(), told)
        })
    }

    pub(super) fn evaluate(tried: Tried<Value>, limits: &Limits) -> Self {
        Self::of("evaluate", tried, limits, |value| plain("result", value))
    }

    fn of<T>(
        call: &'static str,
        tried: Tried<T>,
        limits: &Limits,
        tell: impl FnOnce(T) -> (Value, String),
    ) -> Self {
        let used = Used {
            took_ms: milliseconds(tried.took),
            deadline_ms: limits.deadline_ms,
            computed_ms: milliseconds(tried.computed),
            cpu_ms: limits.cpu_ms,
            memory_kib: tried.memory / 1_024,
            memory_limit_kib: limits.memory() / 1_024,
            requests: tried.requests.len(),
            requests_per_call: limits.requests_per_call,
        };
        let log = tried.log.iter().map(|line| json!({ "level": line.level, "text": line.text }));
        let mut made = Self {
            call,
            answer: None,
            failure: None,
            stopped: None,
            log: log.collect(),
            requests: tried.requests,
            used,
            told: String::new(),
        };
        match tried.result {
            Ok(Ok(answer)) => {
                let (answer, told) = tell(answer);
                (made.answer, made.told) = (Some(answer), told);
            }
            Ok(Err(failure)) => made.failure = Some(in_words(&failure)),
            Err(stopped) => made.stopped = Some(stopped.to_string()),
        }
        made
    }

    fn in_words(&self, text: &mut String) {
        text.push_str(self.call);
        text.push('\n');
        text.push_str(&self.told);
        push(text, "failure", self.failure.as_deref().unwrap_or_default());
        push(text, "stopped", self.stopped.as_deref().unwrap_or_default());
        for line in &self.log {
            let level = line["level"].as_str().unwrap_or_default();
            push(text, "log", &format!("{level}: {}", line["text"].as_str().unwrap_or_default()));
        }
        for request in &self.requests {
            push(text, "request", request);
        }
        let used = &self.used;
        push(
            text,
            "used",
            &format!(
                "{} of {} ms, computed {} of {} ms, {} of {} KiB memory, {} of {} requests",
                used.took_ms,
                used.deadline_ms,
                used.computed_ms,
                used.cpu_ms,
                used.memory_kib,
                used.memory_limit_kib,
                used.requests,
                used.requests_per_call
            ),
        );
    }
}

/// A cursor as it can be given to another try: its text, or base64.
pub(super) fn cursor(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text)
            if !text.starts_with("base64:")
                && !text.starts_with('@')
                && !text.contains(char::is_control) =>
        {
            text.to_owned()
        }
        _ => format!("base64:{}", STANDARD.encode(bytes)),
    }
}

/// A line, where there is something to say.
fn push(text: &mut String, name: &str, what: &str) {
    if !what.is_empty() {
        // A plugin's words steer no terminal.
        let what = what.replace(char::is_control, " ");
        let _infallible = writeln!(text, "{name:<9} {what}");
    }
}

fn plain(name: &str, value: Value) -> (Value, String) {
    let mut told = String::new();
    push(&mut told, name, &value.to_string());
    (value, told)
}

fn records(records: &[RawRecord]) -> String {
    let mut told = String::new();
    push(&mut told, "records", &records.len().to_string());
    for record in records.iter().take(SHOWN) {
        let mut excerpt: String = record.payload.chars().take(EXCERPT).collect();
        if excerpt.len() < record.payload.len() {
            let _infallible = write!(excerpt, "… ({} bytes)", record.payload.len());
        }
        let revision = record.revision.as_deref().unwrap_or("-");
        let operation = match record.operation {
            contracts::model::Operation::Upsert => "",
            contracts::model::Operation::Delete => " deleted",
        };
        push(
            &mut told,
            "  record",
            &format!("{} {} {revision}{operation} {excerpt}", record.kind, record.external_id),
        );
    }
    if records.len() > SHOWN {
        push(&mut told, "  record", &format!("… and {} more", records.len() - SHOWN));
    }
    told
}

fn hook_answer(told: &mut String, answer: &HookAnswer) {
    let body = String::from_utf8_lossy(&answer.body);
    let excerpt: String = body.chars().take(EXCERPT).collect();
    push(told, "answer", &format!("{} {excerpt}", answer.status));
}

fn answered(answer: &HookAnswer) -> Value {
    json!({
        "status": answer.status,
        "headers": answer.headers,
        "body": String::from_utf8_lossy(&answer.body),
    })
}

fn receipt(receipt: &Receipt) -> Value {
    json!({
        "external_id": receipt.external_id,
        "status": receipt.status.name(),
        "detail": receipt.detail,
    })
}

fn event(event: &ChannelEvent) -> Value {
    match event {
        ChannelEvent::Status(told) => json!({ "status": receipt(told) }),
        ChannelEvent::Call(call) => json!({ "call": {
            "external_id": call.external_id,
            "from": call.from,
            "to": call.to,
            "status": call.status,
            "seconds": call.seconds,
            "at": call.at,
        }}),
        ChannelEvent::Received(message) => {
            let files = message.attachments.iter().map(|file| {
                json!({ "name": file.name, "media_type": file.media_type, "bytes": file.data.len() })
            });
            json!({ "received": {
                "external_id": message.external_id,
                "sender": message.sender,
                "to": message.to,
                "received": message.received,
                "text": message.text,
                "attachments": files.collect::<Vec<_>>(),
                "in_reply_to": message.in_reply_to,
            }})
        }
    }
}

/// A failure with what a node does about it.
fn in_words(failure: &PluginFailure) -> String {
    match failure {
        PluginFailure::Retry { after: Some(after), .. } => {
            format!("{failure} (after {} s)", after.as_secs())
        }
        failure => failure.to_string(),
    }
}
