//! `cargo xtask tidy`: the rules of the house that no compiler knows.

mod manifests;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::workspace;

/// Folders without sources of ours.
const SKIPPED: [&str; 4] = ["target", "node_modules", ".git", "__pycache__"];

/// Runs the task.
pub fn run() -> anyhow::Result<()> {
    let mut findings = manifests::check(&workspace::members()?);
    let schemas = schemas()?;
    for file in files_below(workspace::root())? {
        let relative = file.strip_prefix(workspace::root()).unwrap_or(&file);
        if sources::is_source(relative) {
            findings.extend(sources::check(relative, &workspace::read(&file)?, &schemas));
        }
    }
    if findings.is_empty() {
        return Ok(());
    }
    for finding in &findings {
        eprintln!("{finding}");
    }
    bail!("not as the house has it: {} findings", findings.len());
}

/// The database's schemas: each has a folder of migrations.
fn schemas() -> anyhow::Result<Vec<String>> {
    let folder = workspace::root().join("migrations");
    let entries = folder.read_dir().with_context(|| format!("cannot list {}", folder.display()))?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

/// All files below a folder, in order.
fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
            let kind = entry.file_type().context("cannot tell a file from a folder")?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if kind.is_dir() && !SKIPPED.contains(&name.as_str()) && !name.starts_with(".sov") {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}
