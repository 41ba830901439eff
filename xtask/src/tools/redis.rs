//! The Redis or Valkey that tests and the whole stack run on.

use std::path::PathBuf;

use anyhow::Context;
use servers::redis::program;

use super::apt;

/// The server's program; root has it installed where it is missing.
pub fn obtain() -> anyhow::Result<PathBuf> {
    if let Some(program) = program() {
        return Ok(program);
    }
    apt::install("redis-server", "2 MB", "valkey-server will do as well")?;
    program().context("the package redis-server brought no program of that name")
}
