//! The browser that the tests drive.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};
use nix::unistd::Uid;

use crate::{progress, workspace};

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The browser's program; root has it installed where it is missing.
pub fn obtain() -> anyhow::Result<PathBuf> {
    if let Some(program) = super::on_path(&NAMES) {
        return Ok(program);
    }
    if !Uid::effective().is_root() || super::on_path(&["apt-get"]).is_none() {
        bail!(
            "the browser tests need Chromium, which only an administrator can install: \
             sudo apt-get install chromium (or leave those tests out with --without-browser)"
        );
    }
    progress::timed("installing Debian's package chromium (about 100 MB)", || {
        workspace::succeed(apt().args(["update", "--quiet=2"]), "apt-get update")?;
        let install = ["install", "--yes", "--quiet=2", "--no-install-recommends", "chromium"];
        workspace::succeed(apt().args(install), "apt-get install chromium")
    })?;
    super::on_path(&NAMES).context("the package chromium brought no program of that name")
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").stdout(std::io::stderr());
    apt
}
