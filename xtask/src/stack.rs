//! Real servers for tests, benches and checks, thrown away afterwards.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use servers::{NatsConfig, NatsServer, PostgresConfig, PostgresServer};

use crate::{fetch, progress};

const PREFIX: &str = "sovereign-task-";

/// A folder that is removed when this is dropped.
///
/// In the system's temporary folder, since the account of root's servers must get there.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn create() -> anyhow::Result<Self> {
        let parent = std::env::temp_dir();
        sweep(&parent);
        let path = parent.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir(&path)
            .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o711)))
            .with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("cannot remove {}: {error}", self.path.display());
        }
    }
}

/// Removes what interrupted tasks left behind. What cannot be removed is somebody else's.
fn sweep(parent: &Path) {
    let Ok(entries) = parent.read_dir() else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse::<i32>().ok());
        if owner.is_some_and(|pid| kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH))
            && let Err(error) = fs::remove_dir_all(entry.path())
            && error.kind() != std::io::ErrorKind::PermissionDenied
        {
            eprintln!("cannot remove {}: {error}", entry.path().display());
        }
    }
}

/// A Postgres and a NATS server.
pub struct Stack {
    // Stopped before their folder goes.
    postgres: PostgresServer,
    nats: NatsServer,
    _scratch: Scratch,
}

impl Stack {
    /// Fetches what is missing and starts the servers.
    pub fn start() -> anyhow::Result<Self> {
        fetch::nats()?;
        let (postgres, scratch) = start_postgres()?;
        let nats = NatsServer::start(&NatsConfig::new(scratch.path.join("nats")))?;
        progress::step(format!("servers: PostgreSQL {} and NATS", postgres.major()));
        Ok(Self { postgres, nats, _scratch: scratch })
    }

    /// What tests and benches read to find the servers.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        [
            ("SOVEREIGN_TEST_DATABASE_URL", self.postgres.url_of("postgres")),
            ("SOVEREIGN_TEST_NATS_URL", self.nats.url()),
        ]
    }
}

/// A Postgres server alone.
pub struct Database {
    postgres: PostgresServer,
    _scratch: Scratch,
}

impl Database {
    /// Fetches what is missing and starts the server.
    pub fn start() -> anyhow::Result<Self> {
        let (postgres, scratch) = start_postgres()?;
        Ok(Self { postgres, _scratch: scratch })
    }

    /// Where to connect.
    pub fn url(&self) -> String {
        self.postgres.url()
    }
}

fn start_postgres() -> anyhow::Result<(PostgresServer, Scratch)> {
    let programs = fetch::postgres()?;
    let scratch = Scratch::create()?;
    let config = PostgresConfig {
        programs: Some(programs),
        // Many tests at once, each with its own pool.
        settings: vec![("max_connections".to_owned(), "400".to_owned())],
        ..PostgresConfig::new(&scratch.path)
    };
    Ok((PostgresServer::start(&config)?, scratch))
}
