//! Feeds and calendars of the real world that come inside of packages: test data for the plugins that read
//! them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::workspace;

/// Where the tests find feeds: folders, separated as in a PATH.
pub const FEEDS_VARIABLE: &str = "SOVEREIGN_TEST_FEEDS";
/// Where the tests find calendars: folders, separated as in a PATH.
pub const CALENDARS_VARIABLE: &str = "SOVEREIGN_TEST_CALENDARS";

/// The folders, as the tests read them. `python` has the packages of calendars.
pub fn variables(python: Option<&Path>) -> anyhow::Result<Vec<(&'static str, OsString)>> {
    let crates = crates_of_plugins()?;
    let folder = |name: &str| {
        let found = crates.iter().find(|(known, _)| known == name);
        found.map(|(_, folder)| folder).with_context(|| format!("no plugin depends on {name}"))
    };
    let feeds = vec![folder("feed-rs")?.join("fixture")];
    let mut calendars = vec![folder("calcard")?.join("resources/ical")];
    if let Some(python) = python {
        let packages = packages_of(python)?;
        calendars.extend(["icalendar", "recurring_ical_events"].map(|name| packages.join(name)));
    }
    for folder in feeds.iter().chain(&calendars) {
        if !folder.is_dir() {
            bail!("there is no test data in {}", folder.display());
        }
    }
    Ok(vec![
        (FEEDS_VARIABLE, std::env::join_paths(feeds)?),
        (CALENDARS_VARIABLE, std::env::join_paths(calendars)?),
    ])
}

/// The crates that the plugins are built from, with their folders.
fn crates_of_plugins() -> anyhow::Result<Vec<(String, PathBuf)>> {
    let manifest = workspace::root().join("plugins/Cargo.toml");
    let output = workspace::cargo()?
        .args(["metadata", "--format-version=1", "--locked", "--manifest-path"])
        .arg(&manifest)
        .output()
        .context("cannot start cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    let found = packages.iter().filter_map(|package| {
        let manifest = Path::new(package["manifest_path"].as_str()?);
        Some((package["name"].as_str()?.to_owned(), manifest.parent()?.to_owned()))
    });
    Ok(found.collect())
}

/// Where this Python keeps its packages.
fn packages_of(python: &Path) -> anyhow::Result<PathBuf> {
    let output = Command::new(python)
        .args(["-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"])
        .output()
        .with_context(|| format!("cannot start {}", python.display()))?;
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}
