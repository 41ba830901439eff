//! A Redis or Valkey server, for tests and for the whole stack on one machine.
//!
//! A node that keeps its present state there in earnest is given an address; it starts none.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::account::Account;
use crate::keeper::Launch;
use crate::loopback::{LoopbackServer, free_port};
use crate::{Launcher, ServerError};

/// The programs that will do, the best first.
const PROGRAMS: [&str; 2] = ["valkey-server", "redis-server"];

/// What to start.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// Folder for the data and the log.
    pub folder: PathBuf,
    /// The program that launches the server; see [`crate::launch`].
    pub launcher: Launcher,
}

impl RedisConfig {
    /// A server on a free port that keeps its data in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), launcher: Launcher::current() }
    }
}

/// A running server. It is started again if it dies, and stopped when this is dropped.
#[derive(Debug)]
pub struct RedisServer {
    server: LoopbackServer,
    port: u16,
}

impl RedisServer {
    /// Starts the server and returns when it answers.
    pub fn start(config: &RedisConfig) -> Result<Self, ServerError> {
        fs::create_dir_all(&config.folder).map_err(ServerError::path("create", &config.folder))?;
        let folder =
            config.folder.canonicalize().map_err(ServerError::path("look at", &config.folder))?;
        let port = free_port()?;
        let arguments = [
            ("--bind", "127.0.0.1".to_owned()),
            ("--port", port.to_string()),
            ("--dir", folder.display().to_string()),
            // What it holds is made from events: losing a second of it costs nothing.
            ("--appendonly", "yes".to_owned()),
            ("--save", String::new()),
        ];
        let launch = Launch {
            name: "redis-server",
            launcher: config.launcher.clone(),
            account: Account::current(),
            program: program().ok_or(ServerError::NoProgram {
                program: "valkey-server or redis-server",
                bundle: "redis",
            })?,
            arguments: arguments
                .into_iter()
                .flat_map(|(name, value)| [name.to_owned(), value])
                .collect(),
            log: folder.join("log"),
            folder: folder.clone(),
            parent_death: Signal::SIGTERM,
        };
        // On a port that was taken somebody else answers, from another folder.
        let folder = folder.display().to_string();
        let server = LoopbackServer::start(launch, || {
            ask(port, "CONFIG GET dir\r\n").is_ok_and(|answer| answer.contains(&folder))
        })?;
        Ok(Self { server, port })
    }

    /// Where to connect.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
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

/// The program on the PATH, if there is one.
pub fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    PROGRAMS
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|program| program.is_file())
}

/// What the server says to an inline command (RESP): the beginning of it.
fn ask(port: u16, command: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(command.as_bytes())?;
    let mut answer = [0; 4_096];
    let length = stream.read(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}
