//! `cargo xtask test`: obtains what the tests need, then builds and runs them all.

use std::ffi::OsString;
use std::process::Command;

use crate::node::{self, Build};
use crate::stack::Stack;
use crate::{progress, tools, workspace};

/// Arguments of `test`.
///
/// The tests find their servers and tools in the environment: `SOVEREIGN_TEST_DATABASE_URL`,
/// `SOVEREIGN_TEST_NATS_URL`, `SOVEREIGN_PROGRAM` (the built node), `SOVEREIGN_TEST_PYTHON`,
/// `SOVEREIGN_TEST_NODE` and `SOVEREIGN_TEST_CHROMIUM`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Leave out the tests that drive a browser, where Chromium cannot be installed.
    #[arg(long)]
    without_browser: bool,
    /// Passed to `cargo test`, as in `cargo xtask test -- -p spine ledger`.
    #[arg(last = true)]
    cargo_arguments: Vec<OsString>,
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut variables: Vec<(&str, OsString)> = Vec::new();
    if let Some(python) = tools::python::obtain()? {
        variables.push(("SOVEREIGN_TEST_PYTHON", python.into()));
    }
    if let Some(node) = tools::node_clients::obtain()? {
        variables.push(("SOVEREIGN_TEST_NODE", node.into()));
    }
    if !arguments.without_browser {
        variables.push(("SOVEREIGN_TEST_CHROMIUM", tools::chromium::obtain()?.into()));
    }
    variables.push(("SOVEREIGN_PROGRAM", node::build(Build::Dev)?.into()));

    let mut cargo = workspace::cargo()?;
    cargo.arg("test");
    if !names_a_package(&arguments.cargo_arguments) {
        cargo.arg("--workspace");
    }
    cargo.args(&arguments.cargo_arguments);
    progress::timed("building the tests", || build_only(arguments))?;

    let stack = Stack::start()?;
    for (name, value) in stack.variables() {
        variables.push((name, value.into()));
    }
    progress::step("running the tests");
    cargo.envs(variables);
    workspace::succeed(&mut cargo, "cargo test")
}

/// Builds the tests without running them: a failure to compile starts no servers, and the time of
/// the tests is theirs alone.
fn build_only(arguments: &Arguments) -> anyhow::Result<()> {
    let for_cargo = arguments.cargo_arguments.iter().take_while(|argument| *argument != "--");
    let mut cargo: Command = workspace::cargo()?;
    cargo.args(["test", "--quiet", "--no-run"]);
    if !names_a_package(&arguments.cargo_arguments) {
        cargo.arg("--workspace");
    }
    cargo.args(for_cargo).stderr(std::process::Stdio::inherit());
    workspace::succeed(&mut cargo, "cargo test --no-run")
}

fn names_a_package(arguments: &[OsString]) -> bool {
    let names = |argument: &OsString| {
        argument
            .to_str()
            .is_some_and(|text| text.starts_with("-p") || text.starts_with("--package"))
    };
    arguments.iter().take_while(|argument| *argument != "--").any(names)
}
