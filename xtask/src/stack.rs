//! The servers of the stack that `compose/` describes, from local programs: kept by `up`, and thrown
//! away after tests, benches and checks.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use servers::{NatsConfig, NatsServer, PostgresConfig, PostgresServer, RedisConfig, RedisServer};

use crate::{fetch, progress, tools};

/// Where tests and benches find a Postgres in which they may make databases.
pub const DATABASE_VARIABLE: &str = "SOVEREIGN_TEST_DATABASE_URL";
/// Where tests and benches find NATS.
pub const NATS_VARIABLE: &str = "SOVEREIGN_TEST_NATS_URL";
/// Where tests and benches find Redis or Valkey.
pub const REDIS_VARIABLE: &str = "SOVEREIGN_TEST_REDIS_URL";

const PREFIX: &str = "sovereign-task-";

/// A folder that is removed when this is dropped.
///
/// In the system's temporary folder, since the account of root's servers must get there.
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Creates it, and removes what interrupted tasks left.
    pub fn create() -> anyhow::Result<Self> {
        let parent = std::env::temp_dir();
        sweep(&parent);
        let path = parent.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir(&path)
            .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o711)))
            .with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
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

/// A Postgres, a NATS and a Redis server.
pub struct Servers {
    postgres: PostgresServer,
    nats: NatsServer,
    redis: RedisServer,
}

impl Servers {
    /// Fetches what is missing and starts the servers on the data in this folder.
    pub fn start(data: &Path, settings: Vec<(String, String)>) -> anyhow::Result<Self> {
        fetch::nats()?;
        tools::redis::obtain()?;
        let postgres = start_postgres(data, settings)?;
        let nats = NatsServer::start(&NatsConfig::new(data.join("nats")))?;
        let redis = RedisServer::start(&RedisConfig::new(data.join("redis")))?;
        progress::step(format!("servers: PostgreSQL {}, NATS and Redis", postgres.major()));
        Ok(Self { postgres, nats, redis })
    }

    /// Where to connect to a database of this Postgres.
    pub fn database_url(&self, name: &str) -> String {
        self.postgres.url_of(name)
    }

    /// Where to connect to the database that a node keeps everything in.
    pub fn node_url(&self) -> String {
        self.postgres.url()
    }

    /// Where to connect to NATS.
    pub fn nats_url(&self) -> String {
        self.nats.url()
    }

    /// Where to connect to Redis.
    pub fn redis_url(&self) -> String {
        self.redis.url()
    }

    /// Stops them in order.
    pub fn stop(self) -> anyhow::Result<()> {
        self.redis.stop()?;
        self.nats.stop()?;
        Ok(self.postgres.stop()?)
    }
}

/// The servers on data that goes with them.
pub struct Stack {
    // Stopped before their folder goes.
    servers: Servers,
    _scratch: Scratch,
}

impl Stack {
    /// Fetches what is missing and starts the servers.
    pub fn start() -> anyhow::Result<Self> {
        let scratch = Scratch::create()?;
        Ok(Self { servers: Servers::start(scratch.path(), for_tests())?, _scratch: scratch })
    }

    /// What tests and benches read to find the servers.
    pub fn variables(&self) -> [(&'static str, String); 3] {
        [
            (DATABASE_VARIABLE, self.servers.database_url("postgres")),
            (NATS_VARIABLE, self.servers.nats_url()),
            (REDIS_VARIABLE, self.servers.redis_url()),
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
        let scratch = Scratch::create()?;
        Ok(Self { postgres: start_postgres(scratch.path(), for_tests())?, _scratch: scratch })
    }

    /// Where to connect.
    pub fn url(&self) -> String {
        self.postgres.url()
    }
}

fn start_postgres(data: &Path, settings: Vec<(String, String)>) -> anyhow::Result<PostgresServer> {
    let programs = Some(fetch::postgres()?);
    let config = PostgresConfig { programs, settings, ..PostgresConfig::new(data) };
    Ok(PostgresServer::start(&config)?)
}

/// Many tests at once, each with its own pool.
fn for_tests() -> Vec<(String, String)> {
    vec![("max_connections".to_owned(), "400".to_owned())]
}
