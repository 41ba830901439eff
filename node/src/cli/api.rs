//! `sovereign api`: the Sovereign API from the machine itself, whether the node runs or not.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use clap::Args;
use contracts::access::{Principal, Purpose};
use contracts::api::{PREFIX, Transport as _};
use http::{Method, Request, header};
use serde_json::Value;

use super::backend::Backend;
use super::output::Output;
use crate::edge::sovereign::{self, InProcess};
use crate::services::Services;

/// The type of most bodies.
pub(super) const JSON: &str = "application/json";

#[derive(Debug, Args)]
pub struct Command {
    /// GET, POST, PUT, PATCH or DELETE
    #[arg(value_parser = method)]
    method: Method,
    /// Below /api/sovereign/v1, such as '/search?q=bridge'
    path: String,
    /// JSON, or @FILE (.json, .yaml, .wasm)
    body: Option<String>,
    /// As this person, who can do it too; without it, for the node's upkeep
    #[arg(long = "as", value_name = "NAME")]
    person: Option<String>,
    /// What for
    #[arg(long)]
    purpose: Option<String>,
}

fn method(text: &str) -> Result<Method, String> {
    text.to_ascii_uppercase().parse().map_err(|_| format!("{text:?} is no method"))
}

/// Does it.
pub async fn run(command: Command, backend: Backend, output: &Output) -> anyhow::Result<()> {
    let (content_type, body) = match command.body.as_deref() {
        None => (JSON, Bytes::new()),
        Some(body) => match body.strip_prefix('@') {
            Some(file) => read(Path::new(file))?,
            None => (JSON, Bytes::from(body.to_owned())),
        },
    };
    let services = backend.services().await?;
    let mut caller = Caller::operator(&services);
    if let Some(name) = &command.person {
        let person = services.identity.person_by_username(name).await?;
        let person = person.with_context(|| format!("there is nobody called {name} here"))?;
        caller.who = contracts::access::Caller::person(person.account_id);
    }
    if let Some(purpose) = &command.purpose {
        caller.who.purpose =
            Purpose::parse(purpose).ok_or_else(|| anyhow!("{purpose:?} is no purpose"))?;
    }
    let value = caller.send(command.method, &command.path, content_type, body).await?;
    output.one(&value, &serde_json::to_string_pretty(&value)?)
}

/// Somebody at this machine who calls the API.
pub(super) struct Caller {
    api: InProcess,
    who: contracts::access::Caller,
}

impl Caller {
    /// Whoever looks after the node.
    pub(super) fn operator(services: &Services) -> Self {
        let who = contracts::access::Caller::new(Principal::Operator, Purpose::OPERATE);
        Self { api: sovereign::in_process(services), who }
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, path, JSON, Bytes::new()).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(Method::POST, path, JSON, serde_json::to_vec(body)?.into()).await
    }

    /// One call: the answer's JSON, or its text.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> anyhow::Result<Value> {
        let path = path.strip_prefix(PREFIX).unwrap_or(path);
        let request = Request::builder()
            .method(method)
            .uri(format!("{PREFIX}{path}"))
            .header(header::CONTENT_TYPE, content_type)
            .body(body)
            .with_context(|| format!("{path:?} is no path"))?;
        let response = self.api.call(self.who.clone(), request).await?;
        let text = String::from_utf8_lossy(response.body());
        let value: Value = match serde_json::from_str(&text) {
            Ok(value) => value,
            // An empty answer, or a text such as a checkpoint.
            Err(_) => Value::String(text.into_owned()),
        };
        if !response.status().is_success() {
            let title = value["title"].as_str().unwrap_or("it did not say why");
            let detail = value["detail"].as_str().map(|detail| format!(" ({detail})"));
            bail!("{}: {title}{}", response.status(), detail.unwrap_or_default());
        }
        Ok(value)
    }
}

/// A file and what it is.
fn read(file: &Path) -> anyhow::Result<(&'static str, Bytes)> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let kind = match file.extension().and_then(|extension| extension.to_str()) {
        Some("wasm") => "application/wasm",
        Some("yaml" | "yml") => "application/yaml",
        _ => JSON,
    };
    Ok((kind, bytes.into()))
}
