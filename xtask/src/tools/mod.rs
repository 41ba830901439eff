//! Tools that only the tests need: Python packages, Node.js packages, a browser.

mod apt;
pub mod chromium;
pub mod corpora;
pub mod node_clients;
pub mod python;
pub mod redis;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::workspace;

/// Where tools for the tests are installed.
fn folder() -> anyhow::Result<PathBuf> {
    Ok(workspace::target_folder()?.join("test-tools"))
}

/// The first of these programs that is on the PATH.
fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    names
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|program| program.is_file())
}

/// A record that an installation was completed from these files.
struct Stamp {
    path: PathBuf,
    content: String,
}

impl Stamp {
    fn of(path: PathBuf, sources: &[&Path]) -> anyhow::Result<Self> {
        let mut digest = Sha256::new();
        for source in sources {
            let bytes =
                fs::read(source).with_context(|| format!("cannot read {}", source.display()))?;
            digest.update(&bytes);
        }
        Ok(Self { path, content: hex::encode(digest.finalize()) })
    }

    fn is_current(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|content| content == self.content)
    }

    fn write(&self) -> anyhow::Result<()> {
        fs::write(&self.path, &self.content)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}
