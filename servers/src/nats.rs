//! A NATS server with JetStream, for tests and for the whole stack on one machine.
//!
//! A node that runs on NATS in earnest is given the address of a cluster; it starts none.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sha2::{Digest, Sha256};

use crate::account::Account;
use crate::keeper::{Keeper, Launch};
use crate::{Launcher, ServerError, bundle};

const START_PATIENCE: Duration = Duration::from_secs(30);
const STOP_PATIENCE: Duration = Duration::from_secs(20);
const KILL_PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(5);

/// What to start.
#[derive(Debug, Clone)]
pub struct NatsConfig {
    /// Folder for the streams, the configuration file and the log.
    pub folder: PathBuf,
    /// The loopback port; `None` takes a free one.
    pub port: Option<u16>,
    /// The program that launches the server; see [`crate::launch`].
    pub launcher: Launcher,
}

impl NatsConfig {
    /// A server on a free port that keeps its streams in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), port: None, launcher: Launcher::current() }
    }
}

/// A running server. It is started again if it dies, and stopped when this is dropped.
#[derive(Debug)]
pub struct NatsServer {
    keeper: Keeper,
    port: u16,
    log: PathBuf,
}

impl NatsServer {
    /// Starts the server and returns when it answers.
    pub fn start(config: &NatsConfig) -> Result<Self, ServerError> {
        fs::create_dir_all(&config.folder).map_err(ServerError::path("create", &config.folder))?;
        let folder =
            config.folder.canonicalize().map_err(ServerError::path("look at", &config.folder))?;
        let port = match config.port {
            Some(port) => port,
            None => free_port()?,
        };
        let file = folder.join("nats.conf");
        let name = name_of(&folder);
        fs::write(&file, configuration(&name, &folder, port))
            .map_err(ServerError::path("write", &file))?;
        let launch = Launch {
            name: "nats-server",
            launcher: config.launcher.clone(),
            account: Account::current(),
            program: program()?,
            arguments: vec!["--config".to_owned(), file.display().to_string()],
            log: folder.join("log"),
            folder,
            parent_death: Signal::SIGTERM,
        };
        let log_start = launch.log_length();
        let keeper = Keeper::start(launch.clone())?;
        let server = Self { keeper, port, log: launch.log.clone() };
        server.wait_until_ready(&launch, &name, log_start)?;
        server.keeper.keep_alive();
        Ok(server)
    }

    /// Where to connect.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The server's process id while it runs.
    pub fn pid(&self) -> Option<i32> {
        self.keeper.pid()
    }

    /// Stops the server.
    pub fn stop(mut self) -> Result<(), ServerError> {
        self.stop_now()
    }

    fn stop_now(&mut self) -> Result<(), ServerError> {
        let signals = [(Signal::SIGTERM, STOP_PATIENCE), (Signal::SIGKILL, KILL_PATIENCE)];
        if self.keeper.stop(&signals) {
            return Ok(());
        }
        Err(self.too_slow("stop", STOP_PATIENCE + KILL_PATIENCE))
    }

    fn wait_until_ready(
        &self,
        launch: &Launch,
        name: &str,
        log_start: u64,
    ) -> Result<(), ServerError> {
        let deadline = Instant::now() + START_PATIENCE;
        // On a port that was taken somebody else answers, with another name.
        let name = format!("\"server_name\":\"{name}\"");
        loop {
            if let Some(status) = self.keeper.exit_status() {
                return Err(launch.ended(status, log_start));
            }
            match greeting(self.port) {
                Ok(line) if line.starts_with("INFO ") && line.contains(&name) => return Ok(()),
                _ if Instant::now() > deadline => {
                    return Err(self.too_slow("answer", START_PATIENCE));
                }
                _ => std::thread::sleep(POLL),
            }
        }
    }

    fn too_slow(&self, what: &'static str, patience: Duration) -> ServerError {
        ServerError::TooSlow {
            server: "nats-server",
            what,
            seconds: patience.as_secs(),
            log: Some(self.log.clone()),
        }
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        if let Err(error) = self.stop_now() {
            tracing::error!(%error, "a server could not be stopped");
        }
    }
}

/// The bundle's program, or one on the PATH.
fn program() -> Result<PathBuf, ServerError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    bundle::NATS
        .find()
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join("nats-server"))
        .find(|program| program.is_file())
        .ok_or(ServerError::NoProgram { program: "nats-server", bundle: bundle::NATS.name })
}

/// A name that no other folder's server has.
fn name_of(folder: &Path) -> String {
    let digest = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    format!("sovereign-{}", hex::encode(&digest[..8]))
}

/// A loopback port that is free now. The server keeps it when it is started again.
fn free_port() -> Result<u16, ServerError> {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(ServerError::system("find a free port"))
}

/// `sync_interval` stays at its default: the ledger is the record, and the relay makes good at its
/// start what a crash of the machine took from a stream's tail.
fn configuration(name: &str, folder: &Path, port: u16) -> String {
    let streams = folder.join("streams").display().to_string();
    format!(
        "server_name: {name}\n\
         listen: \"127.0.0.1:{port}\"\n\
         max_payload: 8MB\n\
         jetstream {{\n  store_dir: {}\n}}\n",
        quoted(&streams)
    )
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The first line that a server says to a client.
fn greeting(port: u16) -> std::io::Result<String> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line)
}
