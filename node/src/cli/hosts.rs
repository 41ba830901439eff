//! `sovereign hosts`.

use clap::Subcommand;
use serde_json::json;
use social::commands::HostBlocks;

use super::backend::Backend;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Want nothing of a host and its subdomains any more
    Block {
        /// Such as spam.example
        host: String,
        /// Why, for those who keep the node
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// End a block
    Unblock {
        /// Such as spam.example
        host: String,
    },
}

/// Does it.
pub async fn run(command: Command, backend: Backend, output: &Output) -> anyhow::Result<()> {
    let social = backend.social().await?;
    match command {
        Command::Block { host, reason } => {
            social.block_hosts(std::slice::from_ref(&host), HostBlocks::Also(&reason)).await?;
            output.one(&json!({ "host": host, "blocked": true }), &format!("Blocked {host}."))
        }
        Command::Unblock { host } => {
            social.unblock_host(&host).await?;
            output.one(&json!({ "host": host, "blocked": false }), &format!("Unblocked {host}."))
        }
    }
}
