//! A plugin's manifest, as far as the build checks it. The node reads all of it.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use toml::{Table, Value};

use crate::workspace;

/// Its file in the plugin's folder.
pub const FILE: &str = "plugin.toml";
/// The component's custom section that it is packed into.
pub const SECTION: &str = "sovereign:manifest";
/// The version of the interface in `plugins/wit`.
pub const INTERFACE: &str = "0.1.0";

/// A manifest.
#[derive(Debug)]
pub struct Manifest {
    /// As it is written, which is what the component carries.
    pub text: String,
    pub id: String,
    /// `connector`, `channel` or `rule-operator`.
    pub world: String,
    /// Host names that it may call.
    pub has_hosts: bool,
    pub has_state: bool,
    pub has_secrets: bool,
}

impl Manifest {
    /// Reads and checks the manifest in a plugin's folder.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        Self::parse(workspace::read(&path)?).with_context(|| path.display().to_string())
    }

    fn parse(text: String) -> anyhow::Result<Self> {
        let table: Table = toml::from_str(&text).context("this is no TOML")?;
        let word = |name: &str| {
            let value = table.get(name).and_then(Value::as_str);
            value.map(str::to_owned).with_context(|| format!("`{name}` is missing"))
        };
        let (id, world) = (word("id")?, word("world")?);
        ensure!(is_id(&id), "`id` must be two to forty small letters, digits and `-`");
        for name in ["name", "version", "description", "licence"] {
            word(name)?;
        }
        let interface = word("interface")?;
        ensure!(interface == INTERFACE, "`interface` is {interface}; this tree has {INTERFACE}");
        if !["connector", "channel", "rule-operator"].contains(&world.as_str()) {
            bail!("`world` is {world}: there are connector, channel and rule-operator");
        }
        let capabilities = table.get("capabilities").and_then(Value::as_table);
        let capability = |name: &str| capabilities.and_then(|table| table.get(name));
        let is_filled = |value: &Value| value.as_array().is_some_and(|list| !list.is_empty());
        Ok(Self {
            id,
            world,
            has_hosts: capability("hosts").is_some_and(is_filled),
            has_state: capability("state_kib").and_then(Value::as_integer).is_some_and(|n| n > 0),
            has_secrets: table.get("secrets").is_some_and(is_filled),
            text,
        })
    }
}

/// `[a-z][a-z0-9-]{1,39}`
fn is_id(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (2..=40).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(is_part)
}

#[cfg(test)]
pub mod tests {
    use super::Manifest;

    /// A manifest with this world and these further lines.
    pub fn manifest(world: &str, rest: &str) -> Manifest {
        Manifest::parse(text("weather", world, rest)).unwrap()
    }

    fn text(id: &str, world: &str, rest: &str) -> String {
        format!(
            "id = \"{id}\"\nname = \"W\"\nversion = \"1.0.0\"\ninterface = \"0.1.0\"\n\
             world = \"{world}\"\ndescription = \"d\"\nlicence = \"MIT\"\n{rest}"
        )
    }

    #[test]
    fn what_it_asks_for_is_read() {
        let rest = "[capabilities]\nhosts = [\"*\"]\nstate_kib = 0\n\
                    [[secrets]]\nname = \"a\"\ntitle = \"A\"\nkind = \"text\"";
        let manifest = manifest("channel", rest);
        assert!(manifest.has_hosts && manifest.has_secrets && !manifest.has_state);
    }

    #[test]
    fn a_wrong_id_world_or_interface_is_refused() {
        for id in ["", "a", "Weather", "1st", "with_underscore"] {
            assert!(Manifest::parse(text(id, "connector", "")).is_err(), "{id}");
        }
        assert!(Manifest::parse(text("weather", "theatre", "")).is_err());
        let newer = text("weather", "connector", "").replace("0.1.0", "0.2.0");
        assert!(Manifest::parse(newer).is_err());
    }
}
