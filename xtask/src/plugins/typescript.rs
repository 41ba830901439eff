//! Plugins in TypeScript: an npm workspace in `plugins/`, whose SDK bundles a plugin and puts it into
//! a component together with QuickJS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::{Language, SOURCES, Source};
use crate::{progress, tools, workspace};

/// The SDK's script: `build <plugin> <component>` and `test <plugin>`.
const SCRIPT: &str = "sdk-ts/bin/sovereign-plugin.mjs";
/// What a component is made of, beside the plugin's own folder.
const SHARED: [&str; 3] = ["package-lock.json", "sdk-ts", "wit"];

/// Installs what the plugins in TypeScript need, if there are any.
pub fn obtain_all(sources: &[Source]) -> anyhow::Result<()> {
    if sources.iter().any(|source| source.language == Language::TypeScript) {
        tools::node_clients::install(SOURCES)?;
    }
    Ok(())
}

/// The plugin's component, without its manifest. Made only if something of it changed.
pub fn build(source: &Source) -> anyhow::Result<Vec<u8>> {
    let folder = workspace::target_folder()?.join("guests/typescript");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let component = folder.join(format!("{}.wasm", source.name()));
    let stamp = folder.join(format!("{}.made-of", source.name()));
    let made_of = made_of(source)?;
    let is_current = fs::read_to_string(&stamp).is_ok_and(|content| content == made_of);
    if !is_current || !component.is_file() {
        let mut node = script("build", source)?;
        node.arg(&component);
        progress::timed(&format!("building {} with QuickJS", source.name()), || {
            workspace::succeed(&mut node, "the SDK's build script")
        })?;
        fs::write(&stamp, made_of).with_context(|| format!("cannot write {}", stamp.display()))?;
    }
    fs::read(&component).with_context(|| format!("cannot read {}", component.display()))
}

/// Runs the plugin's own tests.
pub fn test(source: &Source) -> anyhow::Result<()> {
    workspace::succeed(&mut script("test", source)?, &format!("the tests of {}", source.name()))
}

fn script(task: &str, source: &Source) -> anyhow::Result<Command> {
    let mut node = Command::new(tools::node_clients::install(SOURCES)?);
    let root = workspace::root().join(SOURCES);
    node.current_dir(&root).arg(root.join(SCRIPT)).arg(task).arg(&source.folder);
    Ok(node)
}

/// A hash of everything that the component is made of.
fn made_of(source: &Source) -> anyhow::Result<String> {
    let root = workspace::root().join(SOURCES);
    let mut files = Vec::new();
    for name in SHARED {
        collect(&root.join(name), &mut files)?;
    }
    collect(&source.folder, &mut files)?;
    let mut digest = Sha256::new();
    for file in files {
        digest.update(file.to_string_lossy().as_bytes());
        digest.update([0]);
        digest.update(fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
        digest.update([0]);
    }
    Ok(hex::encode(digest.finalize()))
}

/// The files below a path, in order.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = path.read_dir().with_context(|| format!("cannot list {}", path.display()))?;
    let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        if entry.file_name().is_some_and(|name| name != "node_modules") {
            collect(&entry, files)?;
        }
    }
    Ok(())
}
