//! Debian's packages, which only an administrator can install.

use std::process::Command;

use anyhow::bail;
use nix::unistd::Uid;

use crate::{progress, workspace};

/// Installs a package, as root. Anybody else is told what to type, and what to do without it.
pub fn install(package: &str, size: &str, without_it: &str) -> anyhow::Result<()> {
    if !Uid::effective().is_root() || super::on_path(&["apt-get"]).is_none() {
        bail!(
            "{package} is needed, which only an administrator can install: \
             sudo apt-get install {package} ({without_it})"
        );
    }
    progress::timed(&format!("installing Debian's package {package} ({size})"), || {
        workspace::succeed(apt().args(["update", "--quiet=2"]), "apt-get update")?;
        let install = ["install", "--yes", "--quiet=2", "--no-install-recommends", package];
        workspace::succeed(apt().args(install), &format!("apt-get install {package}"))
    })
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").stdout(std::io::stderr());
    apt
}
