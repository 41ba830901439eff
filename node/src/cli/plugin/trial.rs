//! `sovereign plugin try`: runs a component without a node, for those who write plugins.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use contracts::plugins::{HookRequest, OutgoingMessage};
use ipnet::IpNet;
use plugins::harness::{self, Outside, Setting, Trial};
use plugins::manifest::World;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use spine::Clock;

use super::report::{Call, Report};
use crate::cli::output::Output;

#[derive(Debug, Args)]
#[command(after_help = "\
Without more it asks a connector for one page, and a rule operator for its operators. Nothing is installed, and \
no database is needed: state is kept for as long as the command runs.

  sovereign plugin try weather.wasm --settings '{\"city\":\"Graz\"}' --recorded answers.json
  sovereign plugin try weather.wasm --settings @settings.json --secrets secrets.json --network --pages 5
  sovereign plugin try sms.wasm --settings @settings.json --network --message '{\"to\":[\"+43...\"],\"text\":\"hello\"}'
  sovereign plugin try words.wasm --operator shout --arguments '{\"text\":\"hello\"}'

docs/plugins.md describes the files.")]
pub struct Try {
    /// A component (.wasm) with its manifest inside
    component: PathBuf,
    /// The account's configuration, what a person would fill in
    #[arg(long, value_name = "JSON|@FILE", default_value = "{}")]
    settings: String,
    /// The account's secrets, a JSON file of names and values; a sign-in's is its token
    #[arg(long, value_name = "FILE")]
    secrets: Option<PathBuf>,
    /// Answer requests from this JSON file of recorded ones
    #[arg(long, value_name = "FILE", conflicts_with = "network")]
    recorded: Option<PathBuf>,
    /// Let requests out, to the hosts of its manifest
    #[arg(long)]
    network: bool,
    /// A private network that they may reach as well, also by plain http
    #[arg(long = "private", value_name = "NETWORK", requires = "network")]
    private: Vec<IpNet>,
    /// Connectors: go on from here; what an earlier try printed
    #[arg(long, value_name = "TEXT|@FILE", conflicts_with_all = ["webhook", "message", "operator"])]
    cursor: Option<String>,
    /// Connectors: ask for so many pages, if there are
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pages: u32,
    /// Connectors and channels: hand it this webhook
    #[arg(long, value_name = "JSON|@FILE", conflicts_with_all = ["message", "operator"])]
    webhook: Option<String>,
    /// Channels: send this message
    #[arg(long, value_name = "JSON|@FILE", conflicts_with = "operator")]
    message: Option<String>,
    /// Rule operators: evaluate this one
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// Rule operators: with these arguments
    #[arg(long, value_name = "JSON|@FILE", requires = "operator", default_value = "{}")]
    arguments: String,
}

/// A webhook as an author writes it down.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhook {
    #[serde(default = "post")]
    method: String,
    /// After the hook's own address, with the query.
    #[serde(default = "root")]
    path: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    json: Option<Value>,
}

/// A message as an author writes it down.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    #[serde(default = "id")]
    id: String,
    to: Vec<String>,
    #[serde(default)]
    sender: Option<String>,
    #[serde(default)]
    subject: Option<String>,
    text: String,
    #[serde(default)]
    html: Option<String>,
    #[serde(default)]
    in_reply_to: Option<String>,
}

fn post() -> String {
    "POST".to_owned()
}

fn root() -> String {
    "/".to_owned()
}

fn id() -> String {
    "try-1".to_owned()
}

/// Does it: prints what came of it, and fails where the plugin could not do it.
pub async fn run(arguments: &Try, output: &Output) -> anyhow::Result<()> {
    if arguments.network && rustls::crypto::aws_lc_rs::default_provider().install_default().is_err()
    {
        tracing::debug!("the TLS provider was chosen already");
    }
    let report = arguments.try_out().await?;
    output.one(&report, &report.in_words())?;
    match report.problem() {
        None => Ok(()),
        Some(problem) => bail!("{problem}"),
    }
}

impl Try {
    async fn try_out(&self) -> anyhow::Result<Report> {
        let file = self.component.display();
        let wasm = std::fs::read(&self.component).with_context(|| format!("cannot read {file}"))?;
        let digest = harness::sha256(&wasm);
        let trial = Trial::new(wasm, self.setting()?, Clock::system()).await;
        let trial = trial.with_context(|| format!("no node would install {file}"))?;
        let mut report = Report::new(&trial, digest);
        let world = trial.manifest().world;
        if world != World::RuleOperator
            && let Err(wrong) = trial.check_config()
        {
            report.config_problem = Some(wrong);
            return Ok(report);
        }
        let limits = trial.manifest().limits();
        if let Some(webhook) = &self.webhook {
            ensure!(trial.manifest().capabilities.webhooks, "its manifest asks for no webhooks");
            let request = webhook_of(given(webhook, "the webhook")?)?;
            report.calls.push(match world {
                World::Connector => Call::webhook(trial.webhook(request).await, &limits),
                World::Channel => Call::inbound(trial.inbound(request).await, &limits),
                World::RuleOperator => bail!("rule operators take no webhooks"),
            });
            return Ok(report);
        }
        match world {
            World::Connector => {
                ensure!(self.message.is_none(), "connectors send no messages");
                ensure!(self.operator.is_none(), "connectors have no operators");
                let mut cursor = self.cursor.as_deref().map(cursor_of).transpose()?;
                for _ in 0..self.pages {
                    let tried = trial.sync(cursor).await;
                    let next = tried.result.as_ref().ok().and_then(|answer| answer.as_ref().ok());
                    let next = next.map(|batch| (batch.more, batch.next_cursor.clone()));
                    report.calls.push(Call::sync(tried, &limits));
                    match next {
                        Some((true, next)) => cursor = next,
                        _ => break,
                    }
                }
            }
            World::Channel => {
                ensure!(self.operator.is_none(), "channels have no operators");
                if let Some(message) = &self.message {
                    let message = message_of(given(message, "the message")?);
                    report.calls.push(Call::send(trial.send(message).await, &limits));
                }
            }
            World::RuleOperator => {
                ensure!(self.message.is_none(), "rule operators send no messages");
                report.calls.push(match &self.operator {
                    None => Call::operators(trial.operators().await, &limits),
                    Some(operator) => {
                        let arguments = given(&self.arguments, "the arguments")?;
                        Call::evaluate(trial.evaluate(operator, arguments).await, &limits)
                    }
                });
            }
        }
        Ok(report)
    }

    fn setting(&self) -> anyhow::Result<Setting> {
        let secrets = match &self.secrets {
            None => Default::default(),
            Some(file) => serde_json::from_slice(&read(file)?).with_context(|| {
                format!("{} is no JSON object of names and texts", file.display())
            })?,
        };
        let outside = match &self.recorded {
            None if self.network => Outside::Network(self.private.clone()),
            None => Outside::default(),
            Some(file) => Outside::Recorded(
                harness::read_exchanges(file)
                    .with_context(|| format!("{} holds no recorded answers", file.display()))?,
            ),
        };
        let config = given(&self.settings, "the configuration")?;
        Ok(Setting { config, secrets, outside, ..Setting::default() })
    }
}

/// JSON that was given, or that is in the file that was named.
fn given<T: DeserializeOwned>(text: &str, what: &str) -> anyhow::Result<T> {
    let read = match text.strip_prefix('@') {
        Some(file) => serde_json::from_slice(&read(Path::new(file))?),
        None => serde_json::from_str(text),
    };
    read.with_context(|| format!("{what} cannot be read"))
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

/// A cursor as [`super::report::cursor`] tells it.
fn cursor_of(text: &str) -> anyhow::Result<Vec<u8>> {
    if let Some(file) = text.strip_prefix('@') {
        return read(Path::new(file));
    }
    match text.strip_prefix("base64:") {
        Some(encoded) => STANDARD.decode(encoded).context("the cursor is not base64"),
        None => Ok(text.as_bytes().to_vec()),
    }
}

fn webhook_of(webhook: Webhook) -> anyhow::Result<HookRequest> {
    ensure!(webhook.path.starts_with('/'), "the webhook's path begins with /");
    let mut headers = webhook.headers;
    let body = match (webhook.body, webhook.json) {
        (None, None) => Vec::new(),
        (Some(text), None) => text.into_bytes(),
        (None, Some(value)) => {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
            value.to_string().into_bytes()
        }
        (Some(_), Some(_)) => bail!("a webhook has either a `body` or `json`"),
    };
    Ok(HookRequest {
        method: webhook.method,
        url: format!(
            "{}{}",
            harness::hook_url(uuid::Uuid::nil()).trim_end_matches('/'),
            webhook.path
        ),
        path_and_query: webhook.path,
        headers,
        body,
    })
}

fn message_of(message: Message) -> OutgoingMessage {
    OutgoingMessage {
        id: message.id,
        to: message.to,
        sender: message.sender,
        subject: message.subject,
        text: message.text,
        html: message.html,
        attachments: Vec::new(),
        in_reply_to: message.in_reply_to,
    }
}

/// In milliseconds, with a fraction.
pub(super) fn milliseconds(time: Duration) -> Value {
    json!((time.as_secs_f64() * 10_000.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_told() {
        for bytes in [&b"{\"page\":3}"[..], &[0, 255, 7], b"", b"base64:x"] {
            let told = super::super::report::cursor(bytes);
            assert_eq!(cursor_of(&told).unwrap(), bytes, "{told}");
        }
        assert!(cursor_of("base64:?").is_err());
    }

    #[test]
    fn a_webhook_is_written_with_a_text_or_with_json() {
        let of = |value: Value| webhook_of(serde_json::from_value(value).unwrap());
        let hook = of(json!({ "path": "/status?x=1", "json": { "a": 1 } })).unwrap();
        assert_eq!((hook.method.as_str(), hook.path_and_query.as_str()), ("POST", "/status?x=1"));
        assert!(
            hook.url.ends_with("/00000000-0000-0000-0000-000000000000/status?x=1"),
            "{}",
            hook.url
        );
        assert_eq!(hook.body, br#"{"a":1}"#);
        assert!(of(json!({ "path": "status" })).is_err());
        assert!(of(json!({ "body": "a", "json": {} })).is_err());
    }
}
