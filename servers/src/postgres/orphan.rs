//! A server that outlived its node.
//!
//! When a node is killed its server gets a parent-death signal and shuts down, which takes a
//! moment. A node that starts meanwhile waits for that. The caller holds the lock, so a server
//! that is found here belongs to no living node.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::account::Account;
use crate::{ServerError, own_file};

/// A fast shutdown of a busy server writes a checkpoint.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

/// Waits until no server uses the data folder, and removes a stale `postmaster.pid` whose number
/// now belongs to something else, at which the server itself would stop.
pub(super) fn wait_until_gone(data: &Path, account: &Account) -> Result<(), ServerError> {
    let deadline = Instant::now() + PATIENCE;
    let mut told = false;
    while let Some(pid) = recorded_pid(data, account) {
        match owner(pid, data) {
            Owner::Nobody => return Ok(()), // The server checks and removes the file itself.
            Owner::SomethingElse => {
                tracing::info!(%pid, "removing a stale postmaster.pid: its number was reused");
                let file = data.join("postmaster.pid");
                return fs::remove_file(&file).map_err(ServerError::path("remove", &file));
            }
            Owner::Server if Instant::now() > deadline => {
                return Err(ServerError::InUse {
                    folder: data.to_owned(),
                    pid: Some(pid.as_raw()),
                });
            }
            Owner::Server => {
                if !told {
                    tracing::info!(%pid, "waiting for the previous database server to finish");
                    told = true;
                }
                std::thread::sleep(POLL);
            }
        }
    }
    Ok(())
}

enum Owner {
    Nobody,
    Server,
    SomethingElse,
}

/// The process id in the first line of `postmaster.pid`.
fn recorded_pid(data: &Path, account: &Account) -> Option<Pid> {
    let text = own_file::read_text(&data.join("postmaster.pid"), account).ok()?;
    text.lines().next()?.trim().parse().ok().filter(|pid| *pid > 0).map(Pid::from_raw)
}

/// Whose the recorded process id is now. A server's working folder is its data folder.
fn owner(pid: Pid, data: &Path) -> Owner {
    if kill(pid, None) == Err(Errno::ESRCH) {
        return Owner::Nobody;
    }
    match fs::read_link(format!("/proc/{pid}/cwd")) {
        Ok(folder) if folder == data => Owner::Server,
        Ok(_) => Owner::SomethingElse,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Owner::Nobody,
        // Another user's process: this data folder's server would be ours.
        Err(_) => Owner::SomethingElse,
    }
}
