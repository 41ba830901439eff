//! The server's handle: starting, waiting until it answers, stopping.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::data_folder::DataFolder;
use super::socket_folder::SocketFolder;
use super::wire::{self, Connecting};
use super::{home, log, orphan, programs, settings};
use crate::account::Account;
use crate::keeper::{Keeper, Launch};
use crate::{Launcher, ServerError};

/// The database that the node keeps everything in, and the role that owns it.
const DATABASE: &str = "sovereign";
/// How long a start may take. Replaying a long log after a crash is part of it.
const START_PATIENCE: Duration = Duration::from_secs(300);
/// How long the remains of a crashed server may take to go away.
const REMAINS_PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(5);
/// A fast shutdown writes a checkpoint first.
const STOP_PATIENCE: Duration = Duration::from_secs(60);
/// An immediate shutdown loses nothing either: the log is replayed at the next start.
const ABORT_PATIENCE: Duration = Duration::from_secs(10);
/// A session left over from a killed server says this in its log until it has ended too.
const REMAINS_MESSAGE: &str = "pre-existing shared memory block";

/// What to start.
#[derive(Debug, Clone)]
pub struct PostgresConfig {
    /// The node's data folder; the server's files are kept in its folder `postgres`.
    pub data: PathBuf,
    /// A folder with `postgres` and `initdb` to use instead of searching for them.
    pub programs: Option<PathBuf>,
    /// Server settings over the built-in ones. Those that keep data safe cannot be given.
    pub settings: Vec<(String, String)>,
    /// The program that launches the server; see [`crate::launch`].
    pub launcher: Launcher,
}

impl PostgresConfig {
    /// The default server for the node whose data folder this is.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            programs: None,
            settings: Vec::new(),
            launcher: Launcher::current(),
        }
    }
}

/// A running server. It is started again if it dies, and stopped when this is dropped.
#[derive(Debug)]
pub struct PostgresServer {
    keeper: Keeper,
    socket_folder: PathBuf,
    log: PathBuf,
    major: u32,
    /// Held as long as the server may run; the system releases it when this process dies.
    _lock: File,
}

impl PostgresServer {
    /// Starts the server, creating its data folder and the node's database where they are
    /// missing, and returns when it answers.
    ///
    /// After a crash of the node this waits for the old server to finish its shutdown.
    pub fn start(config: &PostgresConfig) -> Result<Self, ServerError> {
        settings::check(&config.settings)?;
        let account = Account::for_files_in(&home::folder_in(&config.data))?;
        let folder = home::prepare(&config.data, &account)?;
        let lock = home::lock(&folder, &account)?;

        let majors = DataFolder::majors_in(&folder)?;
        let programs = programs::find(config, &account, &folder, &majors)?;
        let log = folder.join("log");
        log::rotate(&log)?;
        let data = DataFolder::open_or_create(&folder, &programs, &account, config, &log)?;
        orphan::wait_until_gone(data.path(), &account)?;
        let socket = SocketFolder::prepare(&folder, &account)?;

        let launch = Launch {
            name: "postgres",
            launcher: config.launcher.clone(),
            account,
            program: programs.server(),
            arguments: settings::arguments(
                data.path(),
                socket.path(),
                programs.major(),
                &config.settings,
            ),
            folder: data.path().to_owned(),
            log: log.clone(),
            parent_death: Signal::SIGINT,
        };
        let keeper = start_and_wait(&launch, &socket)?;
        keeper.keep_alive();
        Ok(Self {
            keeper,
            socket_folder: socket.path().to_owned(),
            log,
            major: programs.major(),
            _lock: lock,
        })
    }

    /// Where the node's database is, if the server of this data folder is running and answers:
    /// another process of the node, such as the command line, uses it then and starts none.
    pub fn find_running(data: &Path) -> Result<Option<String>, ServerError> {
        let Ok(folder) = home::folder_in(data).canonicalize() else { return Ok(None) };
        let account = Account::for_files_in(&folder)?;
        let socket = SocketFolder::of(&folder, &account);
        let answers = wire::Session::open(&socket.socket(), DATABASE, DATABASE).is_ok();
        Ok(answers.then(|| url(socket.path(), DATABASE)))
    }

    /// Where to connect to the node's database.
    pub fn url(&self) -> String {
        self.url_of(DATABASE)
    }

    /// Where to connect to another database of this server.
    pub fn url_of(&self, database: &str) -> String {
        url(&self.socket_folder, database)
    }

    /// The server's major version.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The server's process id while it runs.
    pub fn pid(&self) -> Option<i32> {
        self.keeper.pid()
    }

    /// Where the server's output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Stops the server: sessions are ended, a checkpoint is written.
    pub fn stop(mut self) -> Result<(), ServerError> {
        self.stop_now()
    }

    fn stop_now(&mut self) -> Result<(), ServerError> {
        let signals = [(Signal::SIGINT, STOP_PATIENCE), (Signal::SIGQUIT, ABORT_PATIENCE)];
        if self.keeper.stop(&signals) {
            if !self.socket_folder.ends_with("run")
                && let Err(error) = std::fs::remove_dir(&self.socket_folder)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(%error, "a server's socket folder could not be removed");
            }
            return Ok(());
        }
        Err(ServerError::TooSlow {
            server: "postgres",
            what: "stop",
            seconds: (STOP_PATIENCE + ABORT_PATIENCE).as_secs(),
            log: Some(self.log.clone()),
        })
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if let Err(error) = self.stop_now() {
            tracing::error!(%error, "a server could not be stopped");
        }
    }
}

/// Starts the server, again if the remains of a crashed one are still in the way.
fn start_and_wait(launch: &Launch, socket: &SocketFolder) -> Result<Keeper, ServerError> {
    let deadline = Instant::now() + REMAINS_PATIENCE;
    loop {
        let log_start = launch.log_length();
        let keeper = Keeper::start(launch.clone())?;
        match wait_until_ready(keeper, launch, socket, log_start) {
            Err(ServerError::Ended { .. })
                if launch.last_lines(log_start).contains(REMAINS_MESSAGE)
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(200));
            }
            outcome => return outcome,
        }
    }
}

/// Waits until the server answers and has the node's database.
fn wait_until_ready(
    mut keeper: Keeper,
    launch: &Launch,
    socket: &SocketFolder,
    log_start: u64,
) -> Result<Keeper, ServerError> {
    let deadline = Instant::now() + START_PATIENCE;
    let outcome = loop {
        if let Some(status) = keeper.exit_status() {
            break Err(launch.ended(status, log_start));
        }
        match ensure_database(socket) {
            Ok(()) => return Ok(keeper),
            Err(Connecting::NotYet) if Instant::now() < deadline => std::thread::sleep(POLL),
            Err(Connecting::NotYet) => {
                break Err(ServerError::TooSlow {
                    server: "postgres",
                    what: "answer",
                    seconds: START_PATIENCE.as_secs(),
                    log: Some(launch.log.clone()),
                });
            }
            Err(Connecting::Refused { message, .. }) => {
                break Err(ServerError::Answered { server: "postgres", message });
            }
        }
    };
    keeper.stop(&[(Signal::SIGINT, STOP_PATIENCE), (Signal::SIGQUIT, ABORT_PATIENCE)]);
    outcome
}

/// Creates the node's database where it is missing.
fn ensure_database(socket: &SocketFolder) -> Result<(), Connecting> {
    match wire::Session::open(&socket.socket(), DATABASE, DATABASE) {
        Ok(_) => Ok(()),
        Err(Connecting::Refused { code, .. }) if code == wire::UNKNOWN_DATABASE => {
            wire::Session::open(&socket.socket(), DATABASE, "postgres")?
                .execute(&format!("CREATE DATABASE {DATABASE}"))
        }
        Err(other) => Err(other),
    }
}

fn url(socket_folder: &Path, database: &str) -> String {
    let folder = escape(&socket_folder.to_string_lossy());
    format!("postgres://{DATABASE}@localhost:5432/{}?host={folder}", escape(database))
}

/// Percent-encodes all but what is plain in every part of a URL.
fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match plain(byte) {
            true => escaped.push(char::from(byte)),
            false => escaped.push_str(&format!("%{byte:02X}")),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn a_path_survives_in_a_url() {
        assert_eq!(escape("/run/a b/ü&c"), "/run/a%20b/%C3%BC%26c");
    }
}
