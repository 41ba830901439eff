//! Rules about `Cargo.toml`: shared lints, shared versions, and who may know whom.

use std::path::{Path, PathBuf};

/// Crates that may know the services: the program that wires them, what tests and measures them, what
/// shows them.
const KNOW_SERVICES: [&str; 4] = ["bench", "node", "tests", "web"];

/// Checks the members' manifests. Each finding is a line for a person.
pub fn check(members: &[(PathBuf, String)]) -> Vec<String> {
    let services: Vec<String> =
        members.iter().filter(|(path, _)| is_service(path)).map(|(_, text)| name(text)).collect();
    members.iter().flat_map(|(path, manifest)| check_one(path, manifest, &services)).collect()
}

/// A crate that owns a schema and speaks to others through events and jobs alone.
fn is_service(member: &Path) -> bool {
    // The protocol crate knows no database.
    (member.starts_with("services") || member.starts_with("federation"))
        && !member.ends_with("activitypub")
}

fn name(manifest: &str) -> String {
    let name = manifest.lines().find_map(|line| line.strip_prefix("name = "));
    name.unwrap_or_default().trim_matches('"').to_owned()
}

fn check_one(member: &Path, manifest: &str, services: &[String]) -> Vec<String> {
    let file = member.join("Cargo.toml");
    let mut findings = Vec::new();
    if !manifest.contains("[lints]\nworkspace = true") {
        findings.push(format!("{}: does not take the workspace's lints", file.display()));
    }
    let may_know_services = KNOW_SERVICES.iter().any(|known| member.starts_with(known));
    for dependency in dependencies(manifest) {
        // A crate's tests may ask for its own features.
        if !dependency.shared && dependency.name != name(manifest) {
            findings.push(format!(
                "{}: the version of {} belongs into [workspace.dependencies]",
                file.display(),
                dependency.name
            ));
        }
        if !may_know_services
            && services.iter().any(|service| service == dependency.name)
            && name(manifest) != dependency.name
        {
            findings.push(format!(
                "{}: knows the service {}; services speak through events, jobs and the API",
                file.display(),
                dependency.name
            ));
        }
    }
    findings
}

struct Dependency<'a> {
    name: &'a str,
    /// Takes its version from the workspace.
    shared: bool,
}

fn dependencies(manifest: &str) -> Vec<Dependency<'_>> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in manifest.lines() {
        if let Some(header) = line.strip_prefix('[') {
            inside = header.trim_end_matches(']').ends_with("dependencies");
        } else if inside && let Some((left, right)) = line.split_once('=') {
            let (name, key) = left.trim().split_once('.').unwrap_or((left.trim(), ""));
            let shared = key == "workspace" || right.contains("workspace = true");
            found.push(Dependency { name, shared });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::check;

    fn member(path: &str, name: &str, dependencies: &str) -> (PathBuf, String) {
        let manifest = format!(
            "[package]\nname = \"{name}\"\n[dependencies]\n{dependencies}\n[lints]\nworkspace = true\n"
        );
        (PathBuf::from(path), manifest)
    }

    #[test]
    fn the_node_may_know_every_service_and_no_service_another() {
        let members = [
            member("services/rules", "rules", "spine.workspace = true\nsocial.workspace = true"),
            member("federation/social", "social", "activitypub.workspace = true"),
            member("node", "sovereign", "rules.workspace = true\nsocial = { workspace = true }"),
        ];
        let findings = check(&members);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].contains("services/rules"), "{findings:?}");
    }

    #[test]
    fn versions_and_lints_come_from_the_workspace() {
        let own_version = member("spine", "spine", "serde = \"1\"");
        let no_lints = (PathBuf::from("web"), "[package]\nname = \"web\"\n".to_owned());
        let findings = check(&[own_version, no_lints]);
        assert_eq!(findings.len(), 2, "{findings:?}");
    }
}
