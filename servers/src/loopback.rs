//! What servers on a loopback port have in common: started, waited for, kept alive, stopped.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sha2::{Digest, Sha256};

use crate::ServerError;
use crate::keeper::{Keeper, Launch};

const START_PATIENCE: Duration = Duration::from_secs(30);
const STOP_PATIENCE: Duration = Duration::from_secs(20);
const KILL_PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(5);

/// A running server. It is started again if it dies, and stopped when this is dropped.
#[derive(Debug)]
pub(crate) struct LoopbackServer {
    name: &'static str,
    keeper: Keeper,
    log: PathBuf,
}

impl LoopbackServer {
    /// Starts the server and returns when `answers` says that it is this one that answers.
    pub fn start(launch: Launch, answers: impl Fn() -> bool) -> Result<Self, ServerError> {
        let log_start = launch.log_length();
        let keeper = Keeper::start(launch.clone())?;
        let server = Self { name: launch.name, keeper, log: launch.log.clone() };
        let deadline = Instant::now() + START_PATIENCE;
        while !answers() {
            if let Some(status) = server.keeper.exit_status() {
                return Err(launch.ended(status, log_start));
            }
            if Instant::now() > deadline {
                return Err(server.too_slow("answer", START_PATIENCE));
            }
            std::thread::sleep(POLL);
        }
        server.keeper.keep_alive();
        Ok(server)
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

    fn too_slow(&self, what: &'static str, patience: Duration) -> ServerError {
        ServerError::TooSlow {
            server: self.name,
            what,
            seconds: patience.as_secs(),
            log: Some(self.log.clone()),
        }
    }
}

impl Drop for LoopbackServer {
    fn drop(&mut self) {
        if let Err(error) = self.stop_now() {
            tracing::error!(%error, "a server could not be stopped");
        }
    }
}

/// A name that no other folder's server has.
pub(crate) fn name_of(folder: &std::path::Path) -> String {
    let digest = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    format!("sovereign-{}", hex::encode(&digest[..8]))
}

/// A loopback port that is free now. The server keeps it when it is started again.
pub(crate) fn free_port() -> Result<u16, ServerError> {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(ServerError::system("find a free port"))
}
