//! Building the node's program.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::{progress, workspace};

/// How the program is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Build {
    /// Quick to build; what the tests use.
    Dev,
    /// Quick to run; what a household runs.
    Release,
}

impl Build {
    /// `--release` where it is asked for.
    pub fn of(release: bool) -> Self {
        if release { Self::Release } else { Self::Dev }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// Names a program that is built already, for tasks and tests.
pub const PROGRAM_VARIABLE: &str = "SOVEREIGN_PROGRAM";

/// Where the program is once it is built.
pub fn program(build: Build) -> anyhow::Result<PathBuf> {
    Ok(workspace::target_folder()?.join(build.folder()).join("sovereign"))
}

/// Builds the program and answers where it is.
pub fn build(build: Build) -> anyhow::Result<PathBuf> {
    if let Some(program) = std::env::var_os(PROGRAM_VARIABLE) {
        return Ok(program.into());
    }
    let program = program(build)?;
    let hint = if program.exists() { "" } else { " (some minutes the first time)" };
    progress::timed(&format!("building the node{hint}"), || {
        let mut cargo = workspace::cargo()?;
        cargo.args(["build", "--package", "sovereign", "--bin", "sovereign"]);
        if build == Build::Release {
            cargo.arg("--release");
        }
        workspace::succeed(&mut cargo, "cargo build")
    })?;
    Ok(program)
}
