//! `sovereign audit`.

use std::fmt::Write as _;

use anyhow::bail;
use clap::Subcommand;
use serde_json::json;

use super::backend::Backend;
use super::output::Output;
use crate::platform::open_policy;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prove that nothing in the audit log was changed, removed or put in another order
    Verify,
    /// Print the newest signed checkpoint, to keep elsewhere
    Checkpoint,
}

/// Does it.
pub async fn run(command: Command, backend: Backend, output: &Output) -> anyhow::Result<()> {
    let origin = backend.origin().await?;
    let policy = open_policy(&backend.spine, &origin).await?;
    let report = policy.verify_audit().await?;
    match command {
        Command::Verify => {
            let mut told = serde_json::to_value(&report)?;
            told["intact"] = report.is_sound().into();
            let mut text = format!(
                "{} entries under {} checkpoints; {} more wait for their place.",
                report.leaves,
                report.checkpoints,
                report.waiting.len()
            );
            if report.is_sound() {
                text.push_str("\nNothing was changed, removed or put in another order.");
            }
            for finding in &report.findings {
                let _infallible = write!(text, "\nFOUND: {}", serde_json::to_string(finding)?);
            }
            output.one(&told, &text)?;
            if !report.is_sound() {
                bail!("the audit log is not as it was written");
            }
            Ok(())
        }
        Command::Checkpoint => {
            let Some(head) = report.head else { bail!("there is no checkpoint yet") };
            output.one(&json!({ "checkpoint": head, "key": report.key }), &head)
        }
    }
}
