//! What a component imports is what its manifest asks for, and it gives what its world says.

use anyhow::{Context, bail, ensure};
use wit_component::DecodedWasm;

use super::manifest::{INTERFACE, Manifest};

/// Interfaces that only hold types.
const TYPES: [&str; 2] = ["types", "webhooks"];
/// What every plugin of the world may use without asking.
const GRANTED: [&str; 2] = ["log", "clock"];

/// Checks a built component against its manifest.
pub fn component(wasm: &[u8], manifest: &Manifest) -> anyhow::Result<()> {
    let (resolve, world) = match wit_component::decode(wasm).context("this is no component")? {
        DecodedWasm::Component(resolve, world) => (resolve, world),
        DecodedWasm::WitPackage(..) => bail!("this is an interface, not a component"),
    };
    let world = &resolve.worlds[world];
    let imports: Vec<String> =
        world.imports.keys().map(|key| resolve.name_world_key(key)).collect();
    let exports: Vec<String> =
        world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
    check(&imports, &exports, manifest)
}

fn check(imports: &[String], exports: &[String], manifest: &Manifest) -> anyhow::Result<()> {
    for import in imports {
        let Some(interface) = own_interface(import) else {
            bail!("it imports {import}, which no node gives");
        };
        if !may_import(interface, manifest) {
            bail!("it imports {interface}, which its manifest does not ask for");
        }
    }
    for (asked, interface) in [
        (manifest.has_hosts, "http"),
        (manifest.has_state, "state"),
        (manifest.has_secrets && !manifest.has_hosts, "secrets"),
    ] {
        let is_used = imports.iter().any(|import| own_interface(import) == Some(interface));
        ensure!(is_used || !asked, "its manifest asks for {interface}, which it does not use");
    }
    for interface in ["meta", manifest.world.as_str()] {
        let given = exports.iter().any(|export| own_interface(export) == Some(interface));
        ensure!(given, "it is no {}: it does not give {interface}", manifest.world);
    }
    // QuickJS leaves a function of its own among the exports, which nobody calls.
    let interfaces: Vec<&String> = exports.iter().filter(|name| name.contains(':')).collect();
    ensure!(interfaces.len() == 2, "it gives more than its world has: {}", exports.join(", "));
    Ok(())
}

/// The name of an interface of ours, in the version of this tree.
fn own_interface(name: &str) -> Option<&str> {
    let (interface, version) = name.strip_prefix("sovereign:plugin/")?.split_once('@')?;
    (version == INTERFACE).then_some(interface)
}

fn may_import(interface: &str, manifest: &Manifest) -> bool {
    match interface {
        "clock" if manifest.world == "rule-operator" => false,
        "http" => manifest.has_hosts,
        "state" => manifest.has_state,
        "secrets" | "hmac" => manifest.has_secrets,
        _ => TYPES.contains(&interface) || GRANTED.contains(&interface),
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::tests::manifest;
    use super::check;

    fn names(interfaces: &[&str]) -> Vec<String> {
        interfaces.iter().map(|name| format!("sovereign:plugin/{name}@0.1.0")).collect()
    }

    #[test]
    fn an_import_needs_its_capability() {
        let exports = names(&["meta", "connector"]);
        let plain = manifest("connector", "");
        let networked = manifest("connector", "[capabilities]\nhosts = [\"*\"]");
        assert!(check(&names(&["types", "log", "clock"]), &exports, &plain).is_ok());
        assert!(check(&names(&["http"]), &exports, &plain).is_err());
        assert!(check(&names(&["http"]), &exports, &networked).is_ok());
        assert!(check(&names(&["http", "state"]), &exports, &networked).is_err());
        assert!(check(&[], &exports, &networked).is_err(), "a capability that is of no use");
    }

    #[test]
    fn what_no_node_gives_is_refused() {
        let exports = names(&["meta", "connector"]);
        let plain = manifest("connector", "");
        for import in ["wasi:cli/environment@0.2.0", "sovereign:plugin/log@0.2.0"] {
            assert!(check(&[import.to_owned()], &exports, &plain).is_err(), "{import}");
        }
    }

    #[test]
    fn it_gives_what_its_world_has() {
        let plain = manifest("rule-operator", "");
        assert!(check(&[], &names(&["meta", "rule-operator"]), &plain).is_ok());
        assert!(check(&[], &names(&["rule-operator"]), &plain).is_err());
        assert!(check(&[], &names(&["meta", "rule-operator", "channel"]), &plain).is_err());
        assert!(check(&[], &names(&["meta", "channel"]), &plain).is_err());
        assert!(check(&names(&["clock"]), &names(&["meta", "rule-operator"]), &plain).is_err());
    }
}
