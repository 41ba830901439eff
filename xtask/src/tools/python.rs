//! Python packages for the tests, in a virtual environment of their own.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use super::Stamp;
use crate::{progress, workspace};

/// What the tests' peers and clients in Python are made of; pinned with hashes.
const REQUIREMENTS: &str = "tests/peers/requirements.txt";

/// `python3 -m pip`, checked to exist.
pub fn pip() -> anyhow::Result<Command> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip"]);
    let works = Command::new("python3")
        .args(["-m", "pip", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    ensure!(works, "python3 with pip is needed; on Debian: apt-get install python3-pip");
    Ok(pip)
}

/// The Python that has the tests' packages; `None` where the tests ask for none.
pub fn obtain() -> anyhow::Result<Option<PathBuf>> {
    let requirements = workspace::root().join(REQUIREMENTS);
    if !requirements.is_file() {
        return Ok(None);
    }
    let folder = super::folder()?.join("python");
    let python = folder.join("bin/python");
    let stamp = Stamp::of(folder.join("installed"), &[&requirements])?;
    if stamp.is_current() && python.exists() {
        return Ok(Some(python));
    }
    progress::timed(&format!("installing {REQUIREMENTS} into {}", folder.display()), || {
        if folder.exists() {
            fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        // Without pip inside: Debian keeps what that needs in a package of its own.
        let mut create = Command::new("python3");
        create.args(["-m", "venv", "--without-pip"]).arg(&folder);
        workspace::succeed(&mut create, "python3 -m venv")?;
        let mut install = pip()?;
        install
            .arg("--python")
            .arg(&python)
            .args(["install", "--quiet", "--no-input", "--disable-pip-version-check"])
            .arg("--requirement")
            .arg(&requirements);
        workspace::succeed(&mut install, "pip install")?;
        stamp.write()
    })?;
    Ok(Some(python))
}
