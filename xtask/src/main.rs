//! The project's tasks: what cargo itself lacks. `cargo xtask --help` lists them.

mod bench;
mod check;
mod failures;
mod fetch;
mod node;
mod plugins;
mod progress;
mod run;
mod sqlx;
mod stack;
mod test;
mod tidy;
mod tools;
mod up;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's tasks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Start a node: fetch Postgres if it is missing, build, run.
    Run(run::Arguments),
    /// Obtain what the tests need, then build and run them all.
    Test(test::Arguments),
    /// All that a commit needs besides its tests: format, tidiness, lints.
    Check,
    /// Start the whole stack from local programs: Postgres, NATS, Redis and a node on them.
    Up(up::Arguments),
    /// Build the plugins from source.
    Plugins(plugins::Arguments),
    /// Measure.
    Bench(bench::Arguments),
    /// Obtain bundles and tools without running anything.
    Fetch(fetch::Arguments),
    /// Check every SQL statement against the migrations and save what was learned in `.sqlx`.
    Sqlx,
    /// Check the rules of the house that no compiler knows.
    Tidy,
}

fn main() -> ExitCode {
    if let Some(code) = servers::launch::dispatch() {
        return code;
    }
    let outcome = match Arguments::parse().task {
        Task::Run(arguments) => run::run(&arguments),
        Task::Test(arguments) => test::run(&arguments),
        Task::Check => check::run(),
        Task::Up(arguments) => up::run(&arguments),
        Task::Plugins(arguments) => plugins::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Fetch(arguments) => fetch::run(&arguments),
        Task::Sqlx => sqlx::run(),
        Task::Tidy => tidy::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
