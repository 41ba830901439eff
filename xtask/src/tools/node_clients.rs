//! Packages on Node.js, installed beside the scripts that use them: client libraries for the tests,
//! and what builds plugins in TypeScript.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::Stamp;
use crate::{fetch, progress, workspace};

const CLIENTS: &str = "tests/clients";
/// The oldest Node.js that has what the scripts use: `fetch`, ES modules.
const OLDEST_NODE: u32 = 20;

/// The `node` that runs the tests' scripts; `None` where the tests have none.
pub fn obtain() -> anyhow::Result<Option<PathBuf>> {
    if !workspace::root().join(CLIENTS).join("package-lock.json").is_file() {
        return Ok(None);
    }
    install(CLIENTS).map(Some)
}

/// Installs the packages of a folder's lock file into it; answers the `node` that runs them.
pub fn install(relative: &str) -> anyhow::Result<PathBuf> {
    let folder = workspace::root().join(relative);
    let (manifest, lock) = (folder.join("package.json"), folder.join("package-lock.json"));
    let node = node()?;
    let modules = folder.join("node_modules");
    let stamp = Stamp::of(modules.join(".installed"), &[&manifest, &lock])?;
    if stamp.is_current() {
        return Ok(node);
    }
    progress::timed(&format!("installing {relative}/package-lock.json into it"), || {
        let mut npm = npm(&node)?;
        npm.current_dir(&folder).args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ]);
        workspace::succeed(&mut npm, "npm ci")?;
        stamp.write()
    })?;
    Ok(node)
}

/// The system's Node.js where it is new enough and has npm, the pinned bundle otherwise.
fn node() -> anyhow::Result<PathBuf> {
    if let Some(node) = super::on_path(&["node", "nodejs"])
        && node.parent().is_some_and(|folder| folder.join("npm").exists())
        && version(&node).is_some_and(|major| major >= OLDEST_NODE)
    {
        return Ok(node);
    }
    Ok(fetch::node_js()?.join("node"))
}

/// `v24.19.0` is 24.
fn version(node: &Path) -> Option<u32> {
    let output = Command::new(node).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// The npm that belongs to this Node.js.
fn npm(node: &Path) -> anyhow::Result<Command> {
    let beside = node.parent().context("node is in no folder")?;
    // The bundle's `bin/npm` is a copy of this script, and a copy does not find its library.
    let script = beside.join("../lib/node_modules/npm/bin/npm-cli.js");
    let mut npm = if script.is_file() {
        let mut npm = Command::new(node);
        npm.arg(script);
        npm
    } else {
        Command::new(beside.join("npm"))
    };
    // npm starts `node` by name.
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(beside.to_owned()).chain(env::split_paths(&path));
    npm.env("PATH", env::join_paths(folders).context("the PATH cannot be extended")?);
    Ok(npm)
}
