//! `cargo xtask run`: all a newcomer types.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::Context;

use crate::node::{self, Build};
use crate::{fetch, progress, workspace};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Build as for a household: slower to build, faster to run.
    #[arg(long)]
    release: bool,
    /// Passed to the program, as in `cargo xtask run user create alice`; nothing starts the node.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    program_arguments: Vec<OsString>,
}

/// Runs the task: replaces this process with the node.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    // A server that runs elsewhere needs no bundle.
    if std::env::var_os("DATABASE_URL").is_none() {
        fetch::postgres()?;
    }
    let program = node::build(Build::of(arguments.release))?;
    progress::step("starting the node");
    let mut node = Command::new(&program);
    node.args(&arguments.program_arguments).current_dir(workspace::root());
    // Set for cargo's own use.
    node.env_remove("SQLX_OFFLINE");
    Err(node.exec()).with_context(|| format!("cannot start {}", program.display()))
}
