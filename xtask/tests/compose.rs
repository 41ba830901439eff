//! `compose/compose.yaml` is what the Compose Specification says, and names only what exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use compose_spec::Compose;

/// Seen from this crate's folder, in which its tests run.
fn folder() -> PathBuf {
    PathBuf::from("../compose")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).expect(name)
}

/// The file with `${NAME:-default}` and `${NAME:?reason}` filled in, as Compose does before it
/// reads it, and the names that were filled in.
fn filled_in(text: &str) -> (String, BTreeSet<String>) {
    let mut names = BTreeSet::new();
    let mut parts = text.split("${");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('}').expect("a closing brace");
        let (name, default) = variable.split_once(':').unwrap_or((variable, ""));
        names.insert(name.to_owned());
        filled.push_str(default.strip_prefix('-').unwrap_or("sample"));
        filled.push_str(rest);
    }
    (filled, names)
}

fn compose() -> Compose {
    let (text, _) = filled_in(&read("compose.yaml"));
    let mut options = Compose::options();
    options.apply_merge(true).from_yaml_str(&text).expect("as the specification has it")
}

#[test]
fn the_file_is_as_the_specification_has_it_and_refers_to_nothing_absent() {
    let compose = compose();
    compose.validate_all().expect("every network, volume and config that is used is declared");
    for service in ["postgres", "nats", "valkey", "meilisearch", "node"] {
        let found = compose.services.iter().find(|(name, _)| name.as_str() == service);
        let (_, service) = found.expect(service);
        assert!(service.healthcheck.is_some(), "others wait for its health");
    }
    for file in ["nats.conf", "Dockerfile", "Dockerfile.dockerignore"] {
        assert!(folder().join(file).is_file(), "{file}");
    }
}

#[test]
fn a_misspelled_key_would_be_found() {
    let (text, _) = filled_in(&read("compose.yaml"));
    let misspelled = text.replacen("stop_signal:", "stop_sigal:", 1);
    assert_ne!(text, misspelled);
    assert!(Compose::options().apply_merge(true).from_yaml_str(&misspelled).is_err());
}

#[test]
fn every_variable_is_in_the_example() {
    let (_, used) = filled_in(&read("compose.yaml"));
    let example = read("example.env");
    for name in used {
        assert!(example.lines().any(|line| line.starts_with(&format!("{name}="))), "{name}");
    }
}
