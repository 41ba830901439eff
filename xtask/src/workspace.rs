//! The workspace: where it is, where its build output goes, how cargo is called.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use anyhow::{Context, bail};

/// The workspace's root folder.
pub fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        // Cargo says which checkout this is run for. The one that it was built in may be another, or gone,
        // where several share a folder of build output.
        let own = std::env::var_os("CARGO_MANIFEST_DIR");
        let own = own.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        // This crate is a folder directly below it.
        own.parent().map_or_else(|| own.clone(), Path::to_owned)
    });
    &ROOT
}

/// The folder of build output: this program was built into one of its profiles' folders.
pub fn target_folder() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let target = program.ancestors().nth(2).context("this program is not in a target folder")?;
    Ok(target.to_owned())
}

/// Cargo, in the workspace's root, building into the folder that this program was built into.
pub fn cargo() -> anyhow::Result<Command> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).env("CARGO_TARGET_DIR", target_folder()?);
    Ok(cargo)
}

/// The workspace's members: the folder of each, relative to the root, and its `Cargo.toml`.
pub fn members() -> anyhow::Result<Vec<(PathBuf, String)>> {
    let manifest = read(&root().join("Cargo.toml"))?;
    let list = manifest
        .split_once("members = [")
        .and_then(|(_, rest)| rest.split_once(']'))
        .map(|(list, _)| list)
        .context("the workspace's Cargo.toml has no members")?;
    list.split(',')
        .map(|member| PathBuf::from(member.trim().trim_matches('"')))
        .filter(|member| !member.as_os_str().is_empty())
        .map(|member| {
            let manifest = read(&root().join(&member).join("Cargo.toml"))?;
            Ok((member, manifest))
        })
        .collect()
}

/// Reads a text file; the error names it.
pub fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Runs a command to its end; `what` names it in the error.
pub fn succeed(command: &mut Command, what: &str) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("cannot start {what}"))?;
    if !status.success() {
        bail!("{what} ended with {status}");
    }
    Ok(())
}
