//! `sovereign plugin`.

mod report;
mod trial;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use http::Method;
use ipnet::IpNet;
use serde_json::{Value, json};

use super::api::{self, Caller};
use super::backend::Backend;
use super::output::Output;
pub(super) use trial::{Try, run as try_out};

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
        #[command(flatten)]
        release: Release,
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
        #[command(flatten)]
        release: Release,
    },
    /// Go back to the version before
    RollBack {
        /// Such as rss
        id: String,
        /// To this one of those that are kept
        #[arg(long)]
        version: Option<String>,
    },
    /// Remove a plugin with its secrets and its state
    Remove {
        /// Such as rss
        id: String,
    },
    /// Run a component without a node, within the limits of one: for those who write plugins
    Try(Box<Try>),
}

#[derive(Debug, Args)]
pub struct Grant {
    /// Such as rss
    id: String,
    /// A private network that it may reach, also by plain http; within `plugins.allow_networks`.
    /// Without any, those that were granted before
    #[arg(long = "network", value_name = "NETWORK")]
    networks: Vec<IpNet>,
}

/// A component, and what shows that it is the right one.
#[derive(Debug, Args)]
pub struct Release {
    /// A component (.wasm), or an https address of one
    source: String,
    /// The SHA-256 that it must have
    #[arg(long)]
    sha256: Option<String>,
    /// Its publisher's signature, in base64
    #[arg(long, value_name = "BASE64")]
    signature: Option<String>,
    /// The publisher's key, in base64; without it, one of `plugins.trusted_keys`
    #[arg(long, value_name = "BASE64", requires = "signature")]
    publisher_key: Option<String>,
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
        Command::Install { release, grant } => {
            let mut plugin = release.bring(&caller, "/plugins").await?;
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
        Command::RollBack { id, version } => {
            let body = json!({ "version": version });
            let plugin = caller.post(&format!("/plugins/{id}/rollback"), &body).await?;
            output.one(&plugin, &told(&plugin))
        }
        Command::Upgrade { id, release } => {
            let plugin = release.bring(&caller, &format!("/plugins/{id}/upgrade")).await?;
            output.one(&plugin, &told(&plugin))
        }
        // It needs none of this, so `super::act` does it without.
        Command::Try(arguments) => trial::run(&arguments, output).await,
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
    let grant = json!({ "capabilities": asks, "networks": granted_networks(plugin, networks) });
    caller.post(&format!("/plugins/{id}/grant"), &grant).await?;
    caller.post(&format!("/plugins/{id}/enable"), &json!({})).await
}

/// The networks of a grant: these, or those of the grant before.
fn granted_networks(plugin: &Value, networks: &[IpNet]) -> Value {
    match &plugin["granted"]["networks"] {
        before @ Value::Array(_) if networks.is_empty() => before.clone(),
        _ => json!(networks),
    }
}

async fn change(caller: &Caller, id: &str, what: &str, output: &Output) -> anyhow::Result<()> {
    let plugin = caller.post(&format!("/plugins/{id}/{what}"), &json!({})).await?;
    output.one(&plugin, &told(&plugin))
}

impl Release {
    /// Sends it: a file's bytes, or an address for the node to fetch from.
    async fn bring(&self, caller: &Caller, path: &str) -> anyhow::Result<Value> {
        if self.source.starts_with("https://") || self.source.starts_with("http://") {
            let signature = self.signature.as_ref().map(
                |signature| json!({ "signature": signature, "publisher_key": self.publisher_key }),
            );
            let body = json!({ "url": self.source, "sha256": self.sha256, "signature": signature });
            return caller.post(path, &body).await;
        }
        let file = PathBuf::from(&self.source);
        let wasm =
            std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let path = format!("{path}{}", self.query());
        caller.send(Method::POST, &path, "application/wasm", wasm.into()).await
    }

    /// What goes with a component that is the body.
    fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("sha256", &self.sha256),
            ("signature", &self.signature),
            ("publisher_key", &self.publisher_key),
        ] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        if query.is_empty() { query } else { format!("?{query}") }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_keeps_the_networks_of_the_one_before_unless_it_names_some() {
        let plugin = json!({ "granted": { "networks": ["10.0.0.0/8"] } });
        assert_eq!(granted_networks(&plugin, &[]), json!(["10.0.0.0/8"]));
        let other: IpNet = "192.168.1.0/24".parse().unwrap();
        assert_eq!(granted_networks(&plugin, &[other]), json!(["192.168.1.0/24"]));
        assert_eq!(granted_networks(&json!({}), &[]), json!([]));
    }

    #[test]
    fn a_signature_survives_the_way_to_the_api() {
        let release = Release {
            source: "a.wasm".to_owned(),
            sha256: None,
            signature: Some("a+b/c=".to_owned()),
            publisher_key: None,
        };
        assert_eq!(release.query(), "?signature=a%2Bb%2Fc%3D");
    }
}
