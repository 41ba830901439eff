//! `cargo xtask bench`: measurements, on servers of their own.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use clap::ValueEnum;

use crate::node::{self, Build, PROGRAM_VARIABLE};
use crate::stack::Stack;
use crate::{plugins, progress, workspace};

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
    /// The data platform: plugins, rules, policy, raw records to searchable entities, graph reads.
    Platform,
}

impl Subject {
    /// The name of its bench.
    fn bench(self) -> &'static str {
        match self {
            Self::Spine => "spine",
            Self::Node => "node",
            Self::Platform => "platform",
        }
    }
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let bench = arguments.subject.bench();
    let built = progress::timed("building for a household, and the benches", || {
        // In one go, for the reason that `xtask test` has: one set of dependencies.
        let mut cargo = workspace::cargo()?;
        // Not `--benches`, which would also build every library as a bench of itself.
        cargo.args(["build", "--release", "--quiet", "--workspace", "--bins"]);
        cargo.args(["--bench", "node", "--bench", "platform", "--bench", "spine"]);
        cargo.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
        let output = cargo.output().context("cannot start cargo build")?;
        if !output.status.success() {
            bail!("cargo build ended with {}", output.status);
        }
        program_of(bench, &output.stdout).with_context(|| format!("cargo built no bench {bench}"))
    })?;
    let plugins = plugins::build()?;
    let stack = Stack::start()?;
    progress::step("measuring");
    let mut program = Command::new(built);
    program.arg("--bench").args(&arguments.bench_arguments).envs(stack.variables());
    program.env(PROGRAM_VARIABLE, node::program(Build::Release)?);
    program.env(plugins::VARIABLE, plugins);
    workspace::succeed(&mut program, "the bench")
}

/// The program of this bench among what cargo says that it built, a JSON object a line.
fn program_of(bench: &str, messages: &[u8]) -> Option<PathBuf> {
    messages.split(|byte| *byte == b'\n').find_map(|line| {
        let message: serde_json::Value = serde_json::from_slice(line).ok()?;
        let target = &message["target"];
        let is_it = target["name"] == bench && target["kind"][0] == "bench";
        is_it.then(|| message["executable"].as_str().map(PathBuf::from))?
    })
}

#[cfg(test)]
mod tests {
    use super::program_of;

    #[test]
    fn the_program_of_a_bench_is_found_among_the_messages() {
        let messages = br#"
            {"reason":"compiler-artifact","target":{"kind":["lib"],"name":"node"},"executable":null}
            {"reason":"compiler-artifact","target":{"kind":["bench"],"name":"spine"},"executable":"/t/spine-1"}
            {"reason":"compiler-artifact","target":{"kind":["bench"],"name":"node"},"executable":"/t/node-2"}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(program_of("node", messages).unwrap().to_str(), Some("/t/node-2"));
        assert_eq!(program_of("plugin", messages), None);
    }
}
