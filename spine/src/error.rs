//! What can go wrong in the spine.

/// A failure of the spine's own parts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpineError {
    /// The database refused, timed out or is gone.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the database schema could not be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The database takes no writes: a standby, or set so.
    #[error("the database takes no writes")]
    ReadOnly,
    /// More callers wait than can be served in time.
    #[error("too many requests wait; please try again")]
    Busy,
    /// The event bus refused, timed out or is gone.
    #[error("the event bus failed: {0}")]
    Bus(String),
    /// A payload could not be written or read as JSON.
    #[error("a payload is not the JSON it should be")]
    Json(#[from] serde_json::Error),
    /// A payload could not be sealed or opened.
    #[error("sealing failed: {0}")]
    Seal(&'static str),
    /// The node's key file could not be read or written.
    #[error("the node's key file {path} failed")]
    KeyFile {
        /// Where it should be.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The job was meanwhile claimed by another worker: this run's effects are dropped.
    #[error("the lease of job {0} was lost")]
    LeaseLost(crate::JobId),
    /// The settings contradict each other or what the database remembers.
    #[error("{0}")]
    Settings(String),
}

impl SpineError {
    /// Whether the same call may succeed later: the database or the bus is away or full.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Database(error) => database_is_unavailable(error),
            Self::Migrate(sqlx::migrate::MigrateError::Execute(error)) => {
                database_is_unavailable(error)
            }
            Self::Bus(_) | Self::ReadOnly | Self::Busy => true,
            _ => false,
        }
    }
}

/// Whether a database error says "not now" (gone, starting, full, out of connections) rather than
/// "not like this". PostgreSQL's error classes 08, 53, 57 and 58 (appendix A of its manual).
pub fn database_is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        // What answers there is no Postgres at the moment: a proxy that hangs up.
        sqlx::Error::WorkerCrashed | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| ["08", "53", "57", "58"].iter().any(|c| code.starts_with(c))),
        _ => false,
    }
}
