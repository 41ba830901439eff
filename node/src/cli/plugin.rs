//! `sovereign plugin`.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use http::Method;
use ipnet::IpNet;
use serde_json::{Value, json};

use super::api::{self, Caller};
use super::backend::Backend;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the plugins and how they do
    List,
    /// Show what a plugin asks for, what was granted, its settings and its health
    Show {
        /// Such as rss
        id: String,
    },
    /// Install a plugin: it does nothing until what it asks for is granted and it is enabled
    Install {
        /// A component (.wasm), or an https address of one
        source: String,
        /// The SHA-256 that it must have
        #[arg(long)]
        sha256: Option<String>,
        /// Grant what it asks for and enable it, at once
        #[arg(long)]
        grant: bool,
    },
    /// Grant what a plugin asks for, and enable it
    Grant(Grant),
    /// Have a plugin called again
    Enable {
        /// Such as rss
        id: String,
    },
    /// Have a plugin called no more
    Disable {
        /// Such as rss
        id: String,
    },
    /// Install a newer version
    Upgrade {
        /// Such as rss
        id: String,
        /// A component (.wasm), or an https address of one
        source: String,
    },
    /// Go back to the version before
    RollBack {
        /// Such as rss
        id: String,
    },
    /// Remove a plugin with its secrets and its state
    Remove {
        /// Such as rss
        id: String,
    },
}

#[derive(Debug, Args)]
pub struct Grant {
    /// Such as rss
    id: String,
    /// A private network that it may reach, also by plain http; within `plugins.allow_networks`
    #[arg(long = "network", value_name = "NETWORK")]
    networks: Vec<IpNet>,
}

/// Does it.
pub async fn run(command: Command, backend: Backend, output: &Output) -> anyhow::Result<()> {
    let services = backend.services().await?;
    let caller = Caller::operator(&services);
    match command {
        Command::List => {
            let page = caller.get("/plugins?limit=200").await?;
            let plugins: Vec<Value> = page["items"].as_array().cloned().unwrap_or_default();
            output.many(&plugins, &["id", "version", "world", "state", "name"], "No plugins.")
        }
        Command::Show { id } => {
            let plugin = caller.get(&format!("/plugins/{id}")).await?;
            output.one(&plugin, &serde_json::to_string_pretty(&plugin)?)
        }
        Command::Install { source, sha256, grant } => {
            let (kind, body) = component(&source, sha256.as_deref())?;
            let mut plugin = caller.send(Method::POST, "/plugins", kind, body).await?;
            if grant {
                plugin = self::grant(&caller, &plugin, &[]).await?;
            }
            output.one(&plugin, &told(&plugin))
        }
        Command::Grant(Grant { id, networks }) => {
            let plugin = caller.get(&format!("/plugins/{id}")).await?;
            let plugin = self::grant(&caller, &plugin, &networks).await?;
            output.one(&plugin, &told(&plugin))
        }
        Command::Enable { id } => change(&caller, &id, "enable", output).await,
        Command::Disable { id } => change(&caller, &id, "disable", output).await,
        Command::RollBack { id } => change(&caller, &id, "rollback", output).await,
        Command::Upgrade { id, source } => {
            let (kind, body) = component(&source, None)?;
            let path = format!("/plugins/{id}/upgrade");
            let plugin = caller.send(Method::POST, &path, kind, body).await?;
            output.one(&plugin, &told(&plugin))
        }
        Command::Remove { id } => {
            let path = format!("/plugins/{id}");
            caller.send(Method::DELETE, &path, api::JSON, Vec::new().into()).await?;
            output.one(&json!({ "id": id, "removed": true }), &format!("Removed {id}."))
        }
    }
}

/// Grants what a plugin, or its version that waits, asks for; then enables it.
async fn grant(caller: &Caller, plugin: &Value, networks: &[IpNet]) -> anyhow::Result<Value> {
    let id = plugin["id"].as_str().context("the plugin has no id")?;
    let waiting = &plugin["pending"]["asks"];
    let asks = if waiting.is_object() { waiting } else { &plugin["asks"] };
    let grant = json!({ "capabilities": asks, "networks": networks });
    caller.post(&format!("/plugins/{id}/grant"), &grant).await?;
    caller.post(&format!("/plugins/{id}/enable"), &json!({})).await
}

async fn change(caller: &Caller, id: &str, what: &str, output: &Output) -> anyhow::Result<()> {
    let plugin = caller.post(&format!("/plugins/{id}/{what}"), &json!({})).await?;
    output.one(&plugin, &told(&plugin))
}

/// A file's bytes, or an address for the node to fetch from.
fn component(source: &str, sha256: Option<&str>) -> anyhow::Result<(&'static str, bytes::Bytes)> {
    if source.starts_with("https://") || source.starts_with("http://") {
        let body = json!({ "url": source, "sha256": sha256 });
        return Ok((api::JSON, serde_json::to_vec(&body)?.into()));
    }
    let file = PathBuf::from(source);
    let wasm = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    if let Some(expected) = sha256
        && !plugins::harness::sha256(&wasm).eq_ignore_ascii_case(expected)
    {
        bail!("{} has another SHA-256 than {expected}", file.display());
    }
    Ok(("application/wasm", wasm.into()))
}

/// A plugin in a few words for people.
fn told(plugin: &Value) -> String {
    let text = |name: &str| plugin[name].as_str().unwrap_or("?").to_owned();
    let mut told = format!("{} {}: {}", text("id"), text("version"), text("state"));
    if plugin["is_granted"] == false {
        let asks = &plugin["asks"];
        told.push_str(&format!(
            "\nIt asks for: {asks}\nGrant that with `sovereign plugin grant {}`.",
            text("id")
        ));
    }
    told
}
