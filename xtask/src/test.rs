//! `cargo xtask test`: obtains what the tests need, then builds and runs them all.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::bail;
use clap::ValueEnum;
use servers::bundle;

use crate::failures::Failures;
use crate::node::{self, Build};
use crate::stack::Stack;
use crate::up::Up;
use crate::{plugins, progress, tools, workspace};

/// The crate of the end-to-end tests.
const END_TO_END: &str = "tests";
/// Its test program.
const END_TO_END_TESTS: [&str; 1] = ["--test=end_to_end"];

/// How many tests a test program runs at the same time.
const THREADS: &str = "RUST_TEST_THREADS";
const TESTS_PER_CORE: usize = 3;

/// All packages with tests. The measurements have none, and their yardsticks pull much.
const ALL: [&str; 2] = ["--workspace", "--exclude=bench"];

/// Obtain what the tests need, then build and run them all.
///
/// The tests find their servers and tools in the environment: `SOVEREIGN_TEST_DATABASE_URL`,
/// `SOVEREIGN_TEST_NATS_URL`, `SOVEREIGN_TEST_REDIS_URL`, `SOVEREIGN_TEST_PLUGINS` (built plugins),
/// `SOVEREIGN_TEST_FEEDS` and `SOVEREIGN_TEST_CALENDARS` (test data), `SOVEREIGN_TEST_BUS`, `SOVEREIGN_TEST_UP` (the origin of the node that
/// `up` runs), `SOVEREIGN_PROGRAM` (the built node), `SOVEREIGN_BUNDLES`, `SOVEREIGN_TEST_PYTHON`, `SOVEREIGN_TEST_NODE` and
/// `SOVEREIGN_TEST_CHROMIUM`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The event bus that the end-to-end tests run on.
    #[arg(long, value_enum, default_value_t = Buses::Both)]
    bus: Buses,
    /// Leave out the tests that drive a browser, where Chromium cannot be installed.
    #[arg(long)]
    without_browser: bool,
    /// Passed to `cargo test`, as in `cargo xtask test -- -p spine ledger`.
    #[arg(last = true)]
    cargo_arguments: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Buses {
    /// The ledger itself, as in a household.
    Embedded,
    /// NATS JetStream, on the stack that `cargo xtask up` starts.
    Jetstream,
    /// One after the other.
    Both,
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let selection = Selection { arguments: &arguments.cargo_arguments };
    let mut variables = tools(arguments)?;
    plugins::test()?;
    variables.push((plugins::VARIABLE, plugins::build()?.into()));
    let program = selection.build()?;
    variables.push((node::PROGRAM_VARIABLE, program.clone().into()));

    variables.extend(bundle::download_folder().map(|path| (bundle::BUNDLES_VARIABLE, path.into())));

    let (mut failed, mut failures) = (Vec::new(), Failures::default());
    if arguments.bus != Buses::Jetstream {
        let stack = Stack::start()?;
        progress::step("running the tests");
        let mut cargo = selection.cargo(&ALL, &selection.all())?;
        if !failures.run(cargo.envs(variables.clone()).envs(stack.variables()))? {
            failed.push("the tests");
        }
    }
    if arguments.bus != Buses::Embedded && selection.has_end_to_end() {
        let up = Up::start(&program)?;
        progress::step("running the end-to-end tests on the stack of `cargo xtask up`");
        // Of all packages, so that what is built already is built with the same features.
        let mut cargo =
            selection.cargo(&[&ALL[..], &END_TO_END_TESTS].concat(), &selection.all())?;
        if !failures.run(cargo.envs(variables).envs(up.variables()))? {
            failed.push("the end-to-end tests on the stack of `cargo xtask up`");
        }
        up.stop()?;
        progress::step("ending `cargo xtask up` as Ctrl-C does");
        Up::start(&program)?.interrupt()?;
    }
    if failed.is_empty() {
        return Ok(());
    }
    progress::step("what failed");
    print!("{}", failures.text());
    bail!("{} failed", failed.join(" and "))
}

/// Obtains the tools and names them for the tests.
fn tools(arguments: &Arguments) -> anyhow::Result<Vec<(&'static str, OsString)>> {
    let mut variables: Vec<(&str, OsString)> = Vec::new();
    let python = tools::python::obtain()?;
    variables.extend(tools::corpora::variables(python.as_deref())?);
    if let Some(python) = python {
        variables.push(("SOVEREIGN_TEST_PYTHON", python.into()));
    }
    if let Some(node) = tools::node_clients::obtain()? {
        variables.push(("SOVEREIGN_TEST_NODE", node.into()));
    }
    if !arguments.without_browser {
        variables.push(("SOVEREIGN_TEST_CHROMIUM", tools::chromium::obtain()?.into()));
    }
    Ok(variables)
}

/// What the arguments for cargo choose.
struct Selection<'a> {
    arguments: &'a [OsString],
}

impl Selection<'_> {
    /// `cargo test` of the named packages, or of `packages` where none is named.
    fn cargo(&self, packages: &[&str], arguments: &[&OsString]) -> anyhow::Result<Command> {
        let mut cargo = workspace::cargo()?;
        cargo.args(["test", "--no-fail-fast"]);
        // They wait for servers more than they compute: one after the other, half the machine is idle.
        if std::env::var_os(THREADS).is_none() {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            cargo.env(THREADS, (cores * TESTS_PER_CORE).to_string());
        }
        if !self.names_a_package() {
            cargo.args(packages);
        }
        cargo.args(arguments);
        Ok(cargo)
    }

    /// Builds the tests and the node without running anything: a failure to compile starts no
    /// servers, and the time of the tests is theirs alone. Answers where the node's program is.
    fn build(&self) -> anyhow::Result<PathBuf> {
        if self.names_a_package() {
            let program = node::build(Build::Dev)?;
            progress::timed("building the tests", || {
                let mut cargo = self.cargo(&ALL, &self.for_cargo().collect::<Vec<_>>())?;
                workspace::succeed(cargo.args(["--quiet", "--no-run"]), "cargo test --no-run")
            })?;
            return Ok(program);
        }
        // In one go: built for themselves, the node's dependencies have other features than together
        // with those of the tests, and everything would be compiled twice.
        progress::timed("building the node and the tests", || {
            let mut cargo = workspace::cargo()?;
            cargo.arg("build").args(ALL).args(["--quiet", "--bins", "--tests"]);
            workspace::succeed(&mut cargo, "cargo build")
        })?;
        node::program(Build::Dev)
    }

    fn all(&self) -> Vec<&OsString> {
        self.arguments.iter().collect()
    }

    /// Without those for the tests' own programs.
    fn for_cargo(&self) -> impl Iterator<Item = &OsString> {
        self.arguments.iter().take_while(|argument| *argument != "--")
    }

    fn names_a_package(&self) -> bool {
        self.for_cargo().filter_map(|argument| argument.to_str()).any(is_package_option)
    }

    fn has_end_to_end(&self) -> bool {
        let texts: Vec<&str> = self.for_cargo().filter_map(|argument| argument.to_str()).collect();
        let named =
            texts.windows(2).any(|pair| is_package_option(pair[0]) && pair[1] == END_TO_END);
        let joined = texts.iter().any(|text| {
            is_package_option(text)
                && text.trim_start_matches("-p").trim_start_matches("--package=") == END_TO_END
        });
        !self.names_a_package() || named || joined
    }
}

fn is_package_option(text: &str) -> bool {
    text.starts_with("--package") || (text.starts_with("-p") && !text.starts_with("--"))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::Selection;

    fn has_end_to_end(arguments: &[&str]) -> bool {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        Selection { arguments: &arguments }.has_end_to_end()
    }

    #[test]
    fn the_second_bus_is_for_selections_with_end_to_end_tests() {
        assert!(has_end_to_end(&[]));
        assert!(has_end_to_end(&["a_name", "--", "--nocapture"]));
        assert!(has_end_to_end(&["-p", "tests"]));
        assert!(has_end_to_end(&["--package=tests"]));
        assert!(!has_end_to_end(&["-p", "spine"]));
        assert!(!has_end_to_end(&["-pspine", "--", "-p", "tests"]));
    }
}
