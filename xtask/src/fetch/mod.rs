//! Obtains pinned bundles through Python's pip, which every Debian has or can install.
//!
//! pip is only asked for an archive with a known hash; unpacking is done here. What is already
//! unpacked is not asked for again, so all of this works offline the second time.

mod download;
mod pins;
mod unpack;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use servers::bundle;

pub use pins::Pin;

use crate::{progress, tools};

/// Arguments of `fetch`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What to obtain; everything if left out.
    #[arg(value_enum)]
    what: Vec<Item>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Item {
    /// The PostgreSQL server with pgvector (13 MB).
    Postgres,
    /// The NATS server (7 MB).
    Nats,
    /// Independent federation software on Python, for the tests.
    Peers,
    /// Client libraries on Node.js, for the tests; Node.js too where it is missing (60 MB).
    NodeClients,
    /// The Chromium browser, for the tests; Debian's package.
    Chromium,
    /// The Redis server, for the tests and `up`; Debian's package.
    Redis,
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let all = Item::value_variants();
    let items = if arguments.what.is_empty() { all } else { &arguments.what[..] };
    for item in items {
        match item {
            Item::Postgres => report("postgres", Some(obtain(&pins::POSTGRES)?)),
            Item::Nats => report("nats", Some(obtain(&pins::NATS)?)),
            Item::Peers => report("peers", tools::python::obtain()?),
            Item::NodeClients => report("node-clients", tools::node_clients::obtain()?),
            Item::Chromium => report("chromium", Some(tools::chromium::obtain()?)),
            Item::Redis => report("redis", Some(tools::redis::obtain()?)),
        }
    }
    Ok(())
}

fn report(name: &str, path: Option<PathBuf>) {
    match path {
        Some(path) => println!("{name}: {}", path.display()),
        None => println!("{name}: nothing to obtain"),
    }
}

/// The folder of the PostgreSQL programs.
pub fn postgres() -> anyhow::Result<PathBuf> {
    obtain(&pins::POSTGRES)
}

/// The folder of the NATS program.
pub fn nats() -> anyhow::Result<PathBuf> {
    obtain(&pins::NATS)
}

/// The folder of Node.js's programs.
pub fn node_js() -> anyhow::Result<PathBuf> {
    obtain(&pins::NODE_JS)
}

/// The folder of the bundle's programs; fetched first if it is missing.
fn obtain(pin: &Pin) -> anyhow::Result<PathBuf> {
    if let Some(programs) = pin.bundle.find() {
        return Ok(programs);
    }
    let bundles = bundle::download_folder()
        .context("this user has no home folder to keep bundles in; set SOVEREIGN_BUNDLES")?;
    create_readable(&bundles)?;
    let what = format!(
        "fetching {} {} ({} MB) into {}",
        pin.bundle.name,
        pin.bundle.version,
        pin.megabytes,
        bundles.display()
    );
    progress::timed(&what, || {
        // Beside its final place, so that it can be renamed: nobody ever sees half a bundle.
        let unfinished = bundles.join(format!(".unfinished-{}", std::process::id()));
        create_readable(&unfinished)?;
        let outcome = download::archive(pin, &unfinished)
            .and_then(|archive| unpack::unpack(&archive, pin, &unfinished.join("unpacked")))
            .and_then(|()| put_in_place(&unfinished, &bundles.join(pin.bundle.folder_name())));
        fs::remove_dir_all(&unfinished)
            .with_context(|| format!("cannot remove {}", unfinished.display()))?;
        outcome
    })?;
    pin.bundle.programs_in(&bundles).with_context(|| {
        format!("the archive of {} does not hold the expected programs", pin.bundle.name)
    })
}

fn put_in_place(unfinished: &Path, place: &Path) -> anyhow::Result<()> {
    match fs::rename(unfinished.join("unpacked"), place) {
        // Another task was quicker: its copy has the same hash.
        Err(_) if place.is_dir() => Ok(()),
        outcome => outcome.with_context(|| format!("cannot create {}", place.display())),
    }
}

/// Creates a folder that everybody can read, whatever the umask: a server of root's runs as
/// somebody else.
fn create_readable(folder: &Path) -> anyhow::Result<()> {
    let create = || -> std::io::Result<()> {
        if !folder.is_dir() {
            fs::create_dir_all(folder)?;
            fs::set_permissions(folder, Permissions::from_mode(0o755))?;
        }
        Ok(())
    };
    create().with_context(|| format!("cannot create {}", folder.display()))
}
