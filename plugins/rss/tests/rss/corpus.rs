//! Every feed that the crate feed-rs ships.

use std::fs;
use std::path::{Path, PathBuf};

use rss::parse;

/// 2026-01-01T00:00:00Z
const NOW: u64 = 1_767_225_600_000;

/// Not well-formed on purpose.
const NOT_WELL_FORMED: [&str; 1] = ["rss2/rss_2.0_invalid_1.xml"];

fn fixtures() -> PathBuf {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let sources = home.unwrap().join("registry/src");
    let registries = fs::read_dir(&sources).unwrap().flatten();
    let mut folders = registries.map(|registry| registry.path().join("feed-rs-3.0.0/fixture"));
    folders.find(|folder| folder.is_dir()).unwrap()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = path.to_string_lossy().into_owned();
        // Beside each feed lies what feed-rs makes of it; `xml` is for its XML reader.
        if path.is_dir() && !name.ends_with("fixture/xml") {
            files(&path, found);
        } else if path.is_file() && !name.ends_with(".serde.json") {
            found.push(path);
        }
    }
    found.sort();
}

/// Every feed.
pub fn feeds() -> Vec<PathBuf> {
    let mut all = Vec::new();
    files(&fixtures(), &mut all);
    all
}

#[test]
fn every_shipped_feed_is_read() {
    let root = fixtures();
    let all = feeds();
    let (mut feeds, mut entries, mut failed) = (0, 0, Vec::new());
    for path in &all {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        match parse(&fs::read(path).unwrap(), "https://feeds.example/a/feed", NOW) {
            Ok(feed) => {
                feeds += 1;
                entries += feed.entries.len();
                for entry in &feed.entries {
                    assert!(!entry.id.is_empty(), "{name}: an entry without id");
                    let links = entry.links.iter().map(|link| &link.href);
                    let files = entry.enclosures.iter().map(|file| &file.href);
                    for href in links.chain(files) {
                        assert!(url::Url::parse(href).is_ok(), "{name}: {href}");
                    }
                }
            }
            Err(error) => failed.push((name, error)),
        }
    }
    println!("feeds: {} files, {feeds} read with {entries} entries", all.len());
    for (name, error) in &failed {
        println!("  {name}: {error:?}");
    }
    let names: Vec<&str> = failed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, NOT_WELL_FORMED);
}
