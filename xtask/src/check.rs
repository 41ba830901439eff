//! `cargo xtask check`: all that a commit needs besides its tests.

use crate::{progress, sqlx, tidy, workspace};

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Leave out the comparison of the saved query data with the migrations.
    #[arg(long)]
    without_sqlx: bool,
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    progress::timed("format", || {
        workspace::succeed(workspace::cargo()?.args(["fmt", "--all", "--check"]), "cargo fmt")?;
        // The guests are a workspace of their own.
        let mut guests = workspace::cargo()?;
        guests.args(["fmt", "--all", "--check", "--manifest-path"]);
        guests.arg(workspace::root().join("plugins/Cargo.toml"));
        workspace::succeed(&mut guests, "cargo fmt of the plugins")
    })?;
    progress::timed("tidiness", tidy::run)?;
    progress::timed("lints", || {
        let mut cargo = workspace::cargo()?;
        cargo.args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]);
        workspace::succeed(&mut cargo, "cargo clippy")
    })?;
    if !arguments.without_sqlx {
        progress::timed("saved query data", || sqlx::check(&[]))?;
    }
    Ok(())
}
