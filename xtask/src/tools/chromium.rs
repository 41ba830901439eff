//! The browser that the tests drive.

use std::path::PathBuf;

use anyhow::Context;

use super::apt;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The browser's program; root has it installed where it is missing.
pub fn obtain() -> anyhow::Result<PathBuf> {
    if let Some(program) = super::on_path(&NAMES) {
        return Ok(program);
    }
    apt::install(
        "chromium",
        "about 100 MB",
        "or leave the browser tests out with --without-browser",
    )?;
    super::on_path(&NAMES).context("the package chromium brought no program of that name")
}
