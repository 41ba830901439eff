//! Every calendar that the crate calcard ships, and those in the folders that
//! `SOVEREIGN_TEST_CALENDARS` names, separated by `:`.

use std::fs;
use std::path::{Path, PathBuf};

use ical::parse;

/// Noise from a fuzzer.
const NOT_CALENDARS: [&str; 2] = ["ical/049.ics", "ical/050.ics"];

fn shipped() -> PathBuf {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let sources = home.unwrap().join("registry/src");
    let registries = fs::read_dir(&sources).unwrap().flatten();
    let mut folders = registries.map(|registry| registry.path().join("calcard-0.3.14/resources"));
    folders.find(|folder| folder.is_dir()).unwrap()
}

fn calendars(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            calendars(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "ics") {
            found.push(path);
        }
    }
    found.sort();
}

/// Every calendar that calcard ships.
pub fn all_shipped() -> Vec<PathBuf> {
    let mut all = Vec::new();
    calendars(&shipped(), &mut all);
    all
}

/// Reads all; answers the names of those that failed.
fn read_all(root: &Path) -> Vec<String> {
    let mut all = Vec::new();
    calendars(root, &mut all);
    let (mut read, mut events, mut begun, mut failed) = (0, 0, 0, Vec::new());
    for path in &all {
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let body = fs::read(path).unwrap();
        let text = String::from_utf8_lossy(&body).to_ascii_uppercase();
        begun += text.lines().filter(|line| line.trim() == "BEGIN:VEVENT").count();
        match parse(&body) {
            Ok(calendar) => {
                read += 1;
                events += calendar.events.len();
                for (id, event) in &calendar.events {
                    assert!(!id.is_empty(), "{name}");
                    let json = serde_json::to_string(event).unwrap();
                    assert_eq!(&serde_json::from_str::<ical::Event>(&json).unwrap(), event);
                }
            }
            Err(error) => {
                println!("  {name}: {error:?}");
                failed.push(name);
            }
        }
    }
    println!(
        "calendars in {}: {} files, {read} read with {events} events of {begun} VEVENT",
        root.display(),
        all.len()
    );
    failed
}

#[test]
fn every_shipped_calendar_is_read() {
    assert_eq!(read_all(&shipped()), NOT_CALENDARS);
}

#[test]
fn calendars_of_other_packages_are_read_or_refused() {
    let folders = std::env::var_os("SOVEREIGN_TEST_CALENDARS").unwrap_or_default();
    for folder in std::env::split_paths(&folders).filter(|folder| folder.is_dir()) {
        let failed = read_all(&folder);
        println!("{}: {} refused", folder.display(), failed.len());
    }
}
