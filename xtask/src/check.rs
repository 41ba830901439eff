//! `cargo xtask check`: all that a commit needs besides its tests.

use crate::{plugins, progress, tidy, workspace};

/// Runs the task.
pub fn run() -> anyhow::Result<()> {
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
    progress::timed("lints of the plugins", plugins::lint)?;
    Ok(())
}
