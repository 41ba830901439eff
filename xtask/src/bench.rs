//! `cargo xtask bench`: measurements, on servers of their own.

use std::ffi::OsString;

use clap::ValueEnum;

use crate::node::{self, Build};
use crate::stack::Stack;
use crate::{progress, workspace};

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What to measure.
    #[arg(value_enum)]
    subject: Subject,
    /// Passed to the bench's program.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    bench_arguments: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Subject {
    /// Ledger, bus and work system, each beside its floor on the same Postgres.
    Spine,
    /// A whole node: its APIs, its inbox, cold start and memory.
    Node,
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (package, bench) = match arguments.subject {
        Subject::Spine => ("bench", "spine"),
        Subject::Node => ("tests", "node"),
    };
    let program = match arguments.subject {
        Subject::Spine => None,
        Subject::Node => Some(node::build(Build::Release)?),
    };
    let selection = ["bench", "--quiet", "--package", package, "--bench", bench];
    progress::timed("building the bench", || {
        workspace::succeed(workspace::cargo()?.args(selection).arg("--no-run"), "cargo bench")
    })?;
    let stack = Stack::start()?;
    progress::step("measuring");
    let mut cargo = workspace::cargo()?;
    cargo.args(selection).arg("--").args(&arguments.bench_arguments).envs(stack.variables());
    cargo.envs(program.map(|program| ("SOVEREIGN_PROGRAM", program)));
    workspace::succeed(&mut cargo, "cargo bench")
}
