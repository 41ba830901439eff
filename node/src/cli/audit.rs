//! `sovereign audit`.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use serde_json::json;

use super::backend::Backend;
use super::output::Output;
use crate::platform::open_policy;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prove that nothing in the audit log was changed, removed or put in another order
    Verify {
        /// Prove too that the log goes on from the checkpoint in this file, which was kept elsewhere
        #[arg(long, value_name = "FILE")]
        against: Vec<PathBuf>,
    },
    /// Print the newest signed checkpoint, to keep elsewhere
    Checkpoint,
}

/// Does it.
pub async fn run(command: Command, backend: Backend, output: &Output) -> anyhow::Result<()> {
    let origin = backend.origin().await?;
    let policy = open_policy(&backend.config, &backend.spine, &origin).await?;
    match command {
        Command::Verify { against } => {
            let read = |path: &PathBuf| {
                std::fs::read_to_string(path)
                    .with_context(|| format!("{} cannot be read", path.display()))
            };
            let kept = against.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
            let report = policy.verify_audit_against(&kept).await?;
            let mut told = serde_json::to_value(&report)?;
            told["intact"] = report.is_sound().into();
            let mut text = format!(
                "{} entries under {} checkpoints; {} more wait for their place.",
                report.leaves,
                report.checkpoints,
                report.waiting.len()
            );
            if report.kept == 0 {
                text.push_str(
                    "\nNo checkpoint was kept outside of the database, so nothing tells whether its end \
                     was cut off.",
                );
            }
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
            let Some(head) = policy.audit_head().await? else {
                bail!("there is no checkpoint yet")
            };
            let told = json!({ "checkpoint": head, "key": policy.audit_key() });
            output.one(&told, head.trim_end())
        }
    }
}
