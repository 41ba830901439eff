//! A NATS server with JetStream, for tests and for the whole stack on one machine.
//!
//! A node that runs on NATS in earnest is given the address of a cluster; it starts none.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::account::Account;
use crate::keeper::Launch;
use crate::loopback::{LoopbackServer, free_port, name_of};
use crate::{Launcher, ServerError, bundle};

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
    server: LoopbackServer,
    port: u16,
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
        // On a port that was taken somebody else answers, with another name.
        let name = format!("\"server_name\":\"{name}\"");
        let server = LoopbackServer::start(launch, || {
            greeting(port).is_ok_and(|line| line.starts_with("INFO ") && line.contains(&name))
        })?;
        Ok(Self { server, port })
    }

    /// Where to connect.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The server's process id while it runs.
    pub fn pid(&self) -> Option<i32> {
        self.server.pid()
    }

    /// Stops the server.
    pub fn stop(self) -> Result<(), ServerError> {
        self.server.stop()
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
