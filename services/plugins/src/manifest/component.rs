//! What can be told of a component without running it: its manifest, what it imports and exports.

use wasmparser::{Encoding, Parser, Payload};

use super::{INTERFACE, Manifest, ManifestError, World, check_interface};

/// The largest component, in bytes: 18 MB of Python took ten seconds to compile.
pub const MAX_COMPONENT: usize = 20 << 20;
/// The custom section with the manifest.
const SECTION: &str = "sovereign:manifest";
/// The package of our interfaces.
const PACKAGE: &str = "sovereign:plugin/";

/// A component whose manifest was read and whose imports are within it.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// The manifest.
    pub manifest: Manifest,
    /// The manifest as it is written in the component.
    pub text: String,
    /// The interfaces that the component imports, by their short names.
    pub imports: Vec<String>,
}

/// Reads a component's manifest and checks it against the component's imports and exports.
///
/// # Errors
/// See [`ManifestError`].
pub fn inspect(wasm: &[u8]) -> Result<Inspected, ManifestError> {
    if wasm.len() > MAX_COMPONENT {
        return Err(ManifestError::TooLarge { bytes: wasm.len() });
    }
    let outside = Outside::read(wasm)?;
    let text = outside.manifest.ok_or(ManifestError::NoManifest)?;
    let manifest = Manifest::parse(&text)?;
    let mut imports = Vec::new();
    for import in outside.imports {
        let name = admitted(&import, &manifest)?;
        imports.push(name.to_owned());
    }
    for wanted in ["meta", manifest.world.export()] {
        let exported = |export: &String| interface(export).is_some_and(|(name, _)| name == wanted);
        if !outside.exports.iter().any(exported) {
            return Err(ManifestError::MissingExport(format!("{PACKAGE}{wanted}@{INTERFACE}")));
        }
    }
    for export in &outside.exports {
        if let Some((_, version)) = interface(export) {
            check_interface(version)?;
        }
    }
    Ok(Inspected { manifest, text, imports })
}

/// The short name of an import, where the manifest allows it.
fn admitted<'a>(import: &'a str, manifest: &Manifest) -> Result<&'a str, ManifestError> {
    let refused =
        |reason| Err(ManifestError::Import { import: import.chars().take(200).collect(), reason });
    let Some((name, version)) = interface(import) else {
        return refused("and plugins get nothing but the interfaces of sovereign:plugin");
    };
    check_interface(version)?;
    let pure = manifest.world == World::RuleOperator;
    match name {
        "types" | "log" => Ok(name),
        "webhooks" | "clock" if !pure => Ok(name),
        "state" | "secrets" | "hmac" | "http" | "clock" if pure => {
            refused("and rule operators are pure: they get only the log")
        }
        "state" if manifest.capabilities.state_kib > 0 => Ok(name),
        "state" => refused("and its manifest asks for no state (capabilities.state_kib)"),
        "secrets" | "hmac" if !manifest.secrets.is_empty() => Ok(name),
        "secrets" | "hmac" => refused("and its manifest declares no secrets"),
        "http" if !manifest.capabilities.hosts.is_empty() => Ok(name),
        "http" => refused("and its manifest asks for no hosts (capabilities.hosts)"),
        _ => refused("which its world does not have"),
    }
}

/// The short name and the version of one of our interfaces.
fn interface(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix(PACKAGE)?.split_once('@')
}

/// What the outermost component shows.
#[derive(Default)]
struct Outside {
    manifest: Option<String>,
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Outside {
    fn read(wasm: &[u8]) -> Result<Self, ManifestError> {
        let broken =
            |error: wasmparser::BinaryReaderError| ManifestError::NotAComponent(error.to_string());
        let mut outside = Self::default();
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(broken)? {
                Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                    return Err(ManifestError::NotAComponent("it is a core module".to_owned()));
                }
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                _ if depth > 0 => {}
                Payload::CustomSection(section) if section.name() == SECTION => {
                    if outside.manifest.is_some() {
                        return Err(ManifestError::Invalid(
                            "the component holds two manifests".to_owned(),
                        ));
                    }
                    if section.data().len() > 64 * 1_024 {
                        return Err(ManifestError::Unreadable(
                            "it has more than 64 KiB".to_owned(),
                        ));
                    }
                    let text = str::from_utf8(section.data())
                        .map_err(|_| ManifestError::Unreadable("it is not UTF-8".to_owned()))?;
                    outside.manifest = Some(text.to_owned());
                }
                Payload::ComponentImportSection(section) => {
                    for import in section {
                        outside.imports.push(import.map_err(broken)?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) => {
                    for export in section {
                        outside.exports.push(export.map_err(broken)?.name.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(outside)
    }
}
