//! Plugins in Rust: the toolchain that has the target's standard library, and the one build.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use nix::unistd::Uid;

use super::{SOURCES, Source};
use crate::{progress, workspace};

const TARGET: &str = "wasm32-unknown-unknown";
/// Debian's newer Rust, the source of its standard library, and the linker.
const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
/// The oldest compiler that has what the plugins use.
const OLDEST: (u32, u32) = (1, 95);

/// A way to compile for WebAssembly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toolchain {
    /// Debian's: the standard library is built along with the plugins.
    Debian,
    /// rustup's, with the target installed.
    Rustup,
}

/// Finds a toolchain, or obtains one: from apt as root, from rustup otherwise.
pub fn toolchain() -> anyhow::Result<Toolchain> {
    if has_debian() {
        return Ok(Toolchain::Debian);
    }
    if has_rustup_target() {
        return Ok(Toolchain::Rustup);
    }
    if Uid::effective().is_root() && install_debian().is_ok() && has_debian() {
        return Ok(Toolchain::Debian);
    }
    progress::step(format!("adding the target {TARGET} with rustup"));
    let mut rustup = Command::new("rustup");
    rustup.current_dir(workspace::root()).args(["target", "add", TARGET]);
    if rustup.status().is_ok_and(|status| status.success()) && has_rustup_target() {
        return Ok(Toolchain::Rustup);
    }
    bail!(
        "nothing here compiles for {TARGET}: on Debian run `apt-get install \
         --no-install-recommends {}` as root, elsewhere `rustup target add {TARGET}`",
        PACKAGES.join(" ")
    )
}

/// Builds all plugins in Rust; answers the folder of the core modules.
pub fn build() -> anyhow::Result<PathBuf> {
    let toolchain = toolchain()?;
    let target = target_folder()?;
    let mut cargo = match toolchain {
        Toolchain::Debian => {
            let mut cargo = Command::new(DEBIAN_CARGO);
            // Building the standard library is not stable yet, and rustup's compiler may come first
            // in the PATH: it cannot compile another version's library.
            cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
            cargo.env_remove("RUSTUP_TOOLCHAIN");
            cargo
        }
        Toolchain::Rustup => Command::new(own_cargo()),
    };
    cargo.current_dir(workspace::root().join(SOURCES)).env("CARGO_TARGET_DIR", &target).args([
        "build",
        "--release",
        "--locked",
        "--quiet",
        "--workspace",
        "--target",
        TARGET,
    ]);
    if toolchain == Toolchain::Debian {
        cargo.args(["-Zbuild-std=std,panic_abort", "--config"]);
        cargo.arg(format!("target.{TARGET}.linker=\"wasm-ld\""));
    }
    let name = match toolchain {
        Toolchain::Debian => version(DEBIAN_RUSTC).map_or(String::new(), |version| {
            format!(" with Debian's rustc {}.{}", version.0, version.1)
        }),
        Toolchain::Rustup => " with rustup's target".to_owned(),
    };
    progress::timed(&format!("building the plugins{name}"), || {
        workspace::succeed(&mut cargo, "cargo build of the plugins")
    })?;
    Ok(target.join(TARGET).join("release"))
}

/// Reads a plugin's core module from that folder.
pub fn module(modules: &Path, source: &Source) -> anyhow::Result<Vec<u8>> {
    let manifest = workspace::read(&source.folder.join("Cargo.toml"))?;
    let name = manifest
        .lines()
        .find_map(|line| line.strip_prefix("name = "))
        .map(|name| name.trim_matches('"').replace('-', "_"))
        .with_context(|| format!("{} has no name", source.folder.display()))?;
    let path = modules.join(format!("{name}.wasm"));
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// Runs the plugins' tests on this machine, with the compiler of the main workspace.
pub fn test() -> anyhow::Result<()> {
    let mut cargo = Command::new(own_cargo());
    cargo
        .current_dir(workspace::root().join(SOURCES))
        .env("CARGO_TARGET_DIR", target_folder()?)
        .args(["test", "--workspace", "--locked", "--quiet"]);
    workspace::succeed(&mut cargo, "cargo test of the plugins")
}

/// Lints them likewise.
pub fn lint() -> anyhow::Result<()> {
    let mut cargo = Command::new(own_cargo());
    cargo
        .current_dir(workspace::root().join(SOURCES))
        .env("CARGO_TARGET_DIR", target_folder()?)
        .args(["clippy", "--workspace", "--all-targets", "--locked", "--quiet"])
        .args(["--", "-D", "warnings"]);
    workspace::succeed(&mut cargo, "cargo clippy of the plugins")
}

fn target_folder() -> anyhow::Result<PathBuf> {
    Ok(workspace::target_folder()?.join("guests"))
}

fn own_cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn has_debian() -> bool {
    let Some(root) = output(DEBIAN_RUSTC, &["--print", "sysroot"]) else { return false };
    let library = Path::new(root.trim()).join("lib/rustlib/src/rust/library/std/Cargo.toml");
    version(DEBIAN_RUSTC).is_some_and(|version| version >= OLDEST)
        && library.is_file()
        && Path::new(DEBIAN_CARGO).is_file()
        && Path::new("/usr/bin/wasm-ld").exists()
}

fn has_rustup_target() -> bool {
    output("rustup", &["target", "list", "--installed"])
        .is_some_and(|list| list.lines().any(|line| line.trim() == TARGET))
}

fn install_debian() -> anyhow::Result<()> {
    progress::timed(&format!("installing Debian's {} (about 30 s)", PACKAGES.join(", ")), || {
        workspace::succeed(apt().args(["update", "--quiet=2"]), "apt-get update")?;
        let install = ["install", "--yes", "--quiet=2", "--no-install-recommends"];
        workspace::succeed(apt().args(install).args(PACKAGES), "apt-get install")
    })
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").stdout(std::io::stderr());
    apt
}

/// `rustc 1.96.0 (...)` is (1, 96).
fn version(rustc: &str) -> Option<(u32, u32)> {
    let text = output(rustc, &["--version"])?;
    let mut parts = text.strip_prefix("rustc ")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let arguments = arguments.iter().map(OsStr::new);
    let output = Command::new(program)
        .current_dir(workspace::root())
        .env_remove("RUSTUP_TOOLCHAIN")
        .args(arguments)
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
