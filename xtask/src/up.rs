//! `cargo xtask up`: the stack that `compose/` describes, from local programs.

mod child;
mod family;

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread;

use anyhow::{Context, bail};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

use crate::node::{self, Build};
use crate::stack::Servers;
use crate::{fetch, progress, tools, workspace};

pub use child::Up;

/// Before the addresses of the servers, as printed.
const POSTGRES_LABEL: &str = "PostgreSQL: ";
const NATS_LABEL: &str = "NATS: ";
const REDIS_LABEL: &str = "Redis: ";

/// Arguments of `up`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Build as for a household: slower to build, faster to run.
    #[arg(long)]
    release: bool,
    /// Where the stack keeps its data.
    #[arg(long, default_value = ".sovereign-stack")]
    data: PathBuf,
    /// Passed to the program.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    program_arguments: Vec<OsString>,
}

/// Runs the task until the node ends; Ctrl-C ends it.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    fetch::postgres()?;
    fetch::nats()?;
    tools::redis::obtain()?;
    let program = node::build(Build::of(arguments.release))?;

    // Before any thread starts, so that all of them inherit it: the node and its servers are
    // stopped in order, whatever signal comes.
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    signals.thread_block().context("cannot block signals")?;

    let data = workspace::root().join(&arguments.data);
    progress::step("starting PostgreSQL, NATS and Redis");
    let servers = Servers::start(&data, settings())?;
    println!("{POSTGRES_LABEL}{}", servers.node_url());
    println!("{NATS_LABEL}{}", servers.nats_url());
    println!("{REDIS_LABEL}{}", servers.redis_url());

    progress::step("starting the node");
    // A process begins with the mask of the thread that starts it, and the node has to hear these.
    signals.thread_unblock().context("cannot unblock signals")?;
    let node = Command::new(&program)
        .args(&arguments.program_arguments)
        .current_dir(workspace::root())
        .env_remove("SQLX_OFFLINE")
        .env("DATABASE_URL", servers.node_url())
        .env("SOVEREIGN_NATS__URL", servers.nats_url())
        .env("SOVEREIGN_PRESENT__REDIS__URL", servers.redis_url())
        .env("SOVEREIGN_DATA", data.join("node"))
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()));
    signals.thread_block().context("cannot block signals")?;
    let node = node?;
    let outcome = wait(node, signals);
    progress::step("stopping Redis, NATS and PostgreSQL");
    servers.stop()?;
    outcome
}

/// What `compose/` gives PostgreSQL beside its defaults: room for several processes.
fn settings() -> Vec<(String, String)> {
    let settings = [("max_connections", "200"), ("shared_buffers", "256MB"), ("jit", "off")];
    settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// Waits for the node, handing it a SIGTERM that this process gets. (A Ctrl-C in the terminal
/// reaches the node by itself.)
fn wait(mut node: Child, signals: SigSet) -> anyhow::Result<()> {
    let pid = Pid::from_raw(node.id().cast_signed());
    thread::spawn(move || {
        while let Ok(signal) = signals.wait() {
            if signal == Signal::SIGTERM && kill(pid, signal).is_err() {
                return;
            }
        }
    });
    let status = node.wait().context("cannot wait for the node")?;
    if !status.success() && status.signal() != Some(Signal::SIGINT as i32) {
        bail!("the node ended with {status}");
    }
    Ok(())
}
