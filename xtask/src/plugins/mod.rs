//! `cargo xtask plugins`: builds the plugins from source into `<target>/plugins/<id>.wasm`.
//!
//! All Rust plugins are one build of the workspace `plugins/`. Each becomes a component here, in
//! process, gets its manifest as a custom section, and is checked: what it imports is what its
//! manifest asks for.

mod check;
mod component;
mod manifest;
mod rust;
mod typescript;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

use crate::{progress, workspace};
use manifest::Manifest;

/// Where tests and benches find the built plugins.
pub const VARIABLE: &str = "SOVEREIGN_TEST_PLUGINS";

/// The folder of the plugins' sources.
const SOURCES: &str = "plugins";
/// Templates for authors are built, so that they stay true, and kept apart.
const TEMPLATES: &str = "templates";

/// Build the plugins from source into `<target>/plugins`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Also run the plugins' own tests, outside of WebAssembly.
    #[arg(long)]
    test: bool,
    /// Only obtain the toolchain.
    #[arg(long)]
    toolchain: bool,
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.toolchain {
        rust::toolchain()?;
        return typescript::obtain_all(&sources()?);
    }
    build()?;
    if arguments.test { test() } else { Ok(()) }
}

/// Where the built plugins lie.
pub fn folder() -> anyhow::Result<PathBuf> {
    Ok(workspace::target_folder()?.join("plugins"))
}

/// Builds every plugin, and says what came out.
pub fn build() -> anyhow::Result<PathBuf> {
    let sources = sources()?;
    let folder = folder()?;
    fs::create_dir_all(folder.join(TEMPLATES))
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let modules = rust::build()?;
    for source in &sources {
        let component = match source.language {
            Language::Rust => component::of_core_module(&rust::module(&modules, source)?)
                .with_context(|| format!("{} makes no component", source.name()))?,
            Language::TypeScript => typescript::build(source)?,
        };
        check::component(&component, &source.manifest)
            .with_context(|| format!("the plugin in {}", source.folder.display()))?;
        let packed = component::with_section(component, manifest::SECTION, &source.manifest.text);
        let target = source.target(&folder);
        write_if_new(&target, &packed)?;
        eprintln!(
            "    {:<24} {:>6} KiB  sha256:{}",
            source.name(),
            packed.len().div_ceil(1024),
            hex::encode(Sha256::digest(&packed))
        );
    }
    remove_strangers(&folder, &sources)?;
    Ok(folder)
}

/// The plugins' own tests, on this machine.
pub fn test() -> anyhow::Result<()> {
    progress::step("running the plugins' own tests");
    rust::test()?;
    for source in sources()? {
        if source.language == Language::TypeScript {
            typescript::test(&source)?;
        }
    }
    Ok(())
}

/// Lints of the plugins in Rust, on this machine.
pub fn lint() -> anyhow::Result<()> {
    rust::lint()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Rust,
    TypeScript,
}

/// A folder with a plugin's source.
struct Source {
    folder: PathBuf,
    language: Language,
    manifest: Manifest,
}

impl Source {
    /// The folder's name.
    fn name(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn is_template(&self) -> bool {
        self.name().starts_with("template")
    }

    fn target(&self, folder: &Path) -> PathBuf {
        let file = format!("{}.wasm", self.manifest.id);
        if self.is_template() { folder.join(TEMPLATES).join(file) } else { folder.join(file) }
    }
}

/// Every plugin, by name.
fn sources() -> anyhow::Result<Vec<Source>> {
    let root = workspace::root().join(SOURCES);
    let entries = root.read_dir().with_context(|| format!("cannot list {}", root.display()))?;
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    let mut sources: Vec<Source> = Vec::new();
    for folder in folders {
        if !folder.join(manifest::FILE).is_file() {
            continue;
        }
        let language = if folder.join("Cargo.toml").is_file() {
            Language::Rust
        } else if folder.join("package.json").is_file() {
            Language::TypeScript
        } else {
            bail!("{} has a manifest and no source", folder.display());
        };
        let manifest = Manifest::read(&folder)?;
        if let Some(other) = sources.iter().find(|other| other.manifest.id == manifest.id) {
            bail!("{} and {} have the same id", other.folder.display(), folder.display());
        }
        sources.push(Source { folder, language, manifest });
    }
    Ok(sources)
}

/// Leaves a file alone that is as it should be: its time says when it changed.
fn write_if_new(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    if fs::read(path).is_ok_and(|present| present == content) {
        return Ok(());
    }
    // In one step: a node may be reading the folder.
    let part = path.with_extension("part");
    fs::write(&part, content).with_context(|| format!("cannot write {}", part.display()))?;
    fs::rename(&part, path).with_context(|| format!("cannot write {}", path.display()))
}

/// Removes plugins whose source is gone.
fn remove_strangers(folder: &Path, sources: &[Source]) -> anyhow::Result<()> {
    let expected: Vec<PathBuf> = sources.iter().map(|source| source.target(folder)).collect();
    for folder in [folder.to_owned(), folder.join(TEMPLATES)] {
        let entries =
            folder.read_dir().with_context(|| format!("cannot list {}", folder.display()))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            let is_plugin = path.extension().is_some_and(|extension| extension == "wasm");
            if is_plugin && !expected.contains(&path) {
                fs::remove_file(&path)
                    .with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
    }
    Ok(())
}
