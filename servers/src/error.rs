//! What can go wrong while a server is found, started or stopped.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// Why a server could not be started or stopped. Each message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// No folder holds usable server programs.
    #[error(
        "no PostgreSQL (version {oldest} or newer) found; run `cargo xtask fetch postgres` in the \
         project's folder, install one with the system's packages, or set DATABASE_URL to use a \
         server that runs elsewhere{}", passed_over(.rejected)
    )]
    NoPostgres {
        /// Oldest major version that the node works with.
        oldest: u32,
        /// What was found and why it was passed over.
        rejected: Vec<String>,
    },
    /// A program of a server is absent.
    #[error("{program} not found; run `cargo xtask fetch {bundle}` in the project's folder")]
    NoProgram {
        /// The program's name.
        program: &'static str,
        /// The bundle that carries it.
        bundle: &'static str,
    },
    /// The folder that the configuration names cannot be used.
    #[error("the configured PostgreSQL programs in {} cannot be used: {reason}", .folder.display())]
    Programs {
        /// The configured folder.
        folder: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The data was written by another major version than the programs that were found.
    #[error(
        "the data in {} was written by PostgreSQL {data}, and only PostgreSQL {found} was found; \
         a data folder belongs to one major version. Either install PostgreSQL {data}, or move the \
         data: start the old server, `pg_dump` the database, set the folder aside, start the node \
         once, and `psql` the dump into the new database", .folder.display()
    )]
    WrongMajor {
        /// The data folder.
        folder: PathBuf,
        /// Major version that wrote it.
        data: u32,
        /// Major versions whose programs were found.
        found: String,
    },
    /// The data folder's own record of its version is absent or unreadable.
    #[error("{} is not a PostgreSQL data folder: its PG_VERSION {reason}", .folder.display())]
    DataFolder {
        /// The folder.
        folder: PathBuf,
        /// What its `PG_VERSION` says.
        reason: String,
    },
    /// Another node (or a server that somebody started by hand) uses the data folder.
    #[error("the data folder {} is in use by another process{}; stop that one first", .folder.display(), pid_note(*.pid))]
    InUse {
        /// The data folder.
        folder: PathBuf,
        /// The process, where it is known.
        pid: Option<i32>,
    },
    /// The account that the server must run as cannot get at a folder.
    #[error(
        "user {user}, which PostgreSQL has to run as, cannot enter {}; choose a data folder \
         outside of it, or allow it with `chmod o+x {}`", .folder.display(), .folder.display()
    )]
    CannotEnter {
        /// The account's name.
        user: String,
        /// The folder that shuts it out.
        folder: PathBuf,
    },
    /// The data belongs to somebody else, and this process is not root.
    #[error("{} belongs to uid {owner}, and this process runs as uid {current}; run it as that user, or choose another data folder", .folder.display())]
    ForeignData {
        /// The data folder.
        folder: PathBuf,
        /// Who owns it.
        owner: u32,
        /// Who asks.
        current: u32,
    },
    /// Root needs another account to run a server under, and there is none.
    #[error(
        "PostgreSQL refuses to run as root, and an account for it cannot be made ({reason}); \
         create one with `useradd --system sovereign`"
    )]
    NoAccount {
        /// Why it could not be made.
        reason: String,
    },
    /// A folder that must be private to the server is not.
    #[error("{} must be a folder with mode 0700 that belongs to uid {owner}; remove it", .folder.display())]
    UnsafeFolder {
        /// The folder.
        folder: PathBuf,
        /// Whose it must be.
        owner: u32,
    },
    /// A setting was asked for that would make acknowledged data lose its durability.
    #[error("the PostgreSQL setting {0} is not open to change: it keeps acknowledged data safe")]
    ForbiddenSetting(String),
    /// A program ended although it should be running, or ended badly.
    #[error("{program} ended with {status}{}", log_note(.log, .last_lines))]
    Ended {
        /// The program's name.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// Where its output is.
        log: Option<PathBuf>,
        /// The end of its output.
        last_lines: String,
    },
    /// A server runs but does not answer.
    #[error("{server} did not {what} within {seconds} s{}", log_note(.log, ""))]
    TooSlow {
        /// The server's name.
        server: &'static str,
        /// What it was waited for.
        what: &'static str,
        /// How long.
        seconds: u64,
        /// Where its output is.
        log: Option<PathBuf>,
    },
    /// The server answered with an error.
    #[error("{server} answered: {message}")]
    Answered {
        /// The server's name.
        server: &'static str,
        /// Its words.
        message: String,
    },
    /// The operating system refused something.
    #[error("cannot {action}")]
    System {
        /// What was tried.
        action: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl ServerError {
    /// For `map_err`: names what was tried.
    pub(crate) fn system<E: Into<io::Error>>(
        action: impl Into<String>,
    ) -> impl FnOnce(E) -> ServerError {
        move |source| ServerError::System { action: action.into(), source: source.into() }
    }

    /// For `map_err`: names what was tried with which path.
    pub(crate) fn path<'a, E: Into<io::Error>>(
        action: &'a str,
        path: &'a Path,
    ) -> impl FnOnce(E) -> ServerError + 'a {
        move |source| ServerError::System {
            action: format!("{action} {}", path.display()),
            source: source.into(),
        }
    }
}

fn passed_over(reasons: &[String]) -> String {
    reasons.iter().map(|reason| format!("\n  passed over {reason}")).collect()
}

fn pid_note(pid: Option<i32>) -> String {
    pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
}

fn log_note(log: &Option<PathBuf>, last_lines: &str) -> String {
    let log = log.as_ref().map(|path| format!("; its output is in {}", path.display()));
    let lines: String = last_lines.lines().map(|line| format!("\n  | {line}")).collect();
    log.unwrap_or_default() + &lines
}
