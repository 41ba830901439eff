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
    /// Whether the same call may succeed later: the database or the bus is away, full or busy.
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

/// What a database error says about trying the same again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing can be done now: it is gone, starting, full, takes no writes or no connections.
    Away,
    /// Another transaction was in the way this time.
    InTheWay,
    /// It took too long: later it may be quicker, or it is what was asked that takes so long.
    TooSlow,
    /// Not like this.
    Refused,
}

/// By PostgreSQL's error codes (appendix A of its manual).
fn verdict(error: &sqlx::Error) -> Verdict {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Verdict::Away,
        // What answers there is no Postgres at the moment: a proxy that hangs up.
        sqlx::Error::WorkerCrashed | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => {
            Verdict::Away
        }
        sqlx::Error::Database(error) => match error.code().as_deref() {
            // Cancelled by the statement's time limit; idle for too long within a transaction.
            Some("57014" | "25P03") => Verdict::TooSlow,
            // Serialization failure, deadlock, a lock that was not to be had in time.
            Some("40001" | "40P01" | "55P03") => Verdict::InTheWay,
            // A transaction that may only read: a standby that was the primary a moment ago.
            Some("25006") => Verdict::Away,
            Some(code) if ["08", "53", "57", "58"].contains(&code.get(..2).unwrap_or_default()) => {
                Verdict::Away
            }
            _ => Verdict::Refused,
        },
        _ => Verdict::Refused,
    }
}

/// Whether a database error says "not now" (gone, starting, full, busy) rather than "not like
/// this".
pub fn database_is_unavailable(error: &sqlx::Error) -> bool {
    verdict(error) != Verdict::Refused
}

/// Whether it is nobody's fault: at the bottom of this error the database or the bus takes nothing
/// at the moment. Trying the parts of what failed one by one would only take longer.
pub fn is_away(error: &(dyn std::error::Error + 'static)) -> bool {
    at_the_bottom(error, SpineError::is_unavailable, |error| verdict(error) == Verdict::Away)
}

/// Whether what failed may be tried again for ever without doing anybody harm: the database is
/// away, or another transaction was in the way. What was too slow is not among it: an item that is
/// always too slow must end some day.
pub(crate) fn is_nobodys_fault(error: &(dyn std::error::Error + 'static)) -> bool {
    let database =
        |error: &sqlx::Error| matches!(verdict(error), Verdict::Away | Verdict::InTheWay);
    at_the_bottom(error, SpineError::is_unavailable, database)
}

/// Asks about the error, or the first of its sources, that is the database's or the spine's.
fn at_the_bottom(
    error: &(dyn std::error::Error + 'static),
    spine: impl Fn(&SpineError) -> bool,
    database: impl Fn(&sqlx::Error) -> bool,
) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<sqlx::Error>() {
            return database(error);
        }
        match error.downcast_ref::<SpineError>() {
            // What the database said is its source.
            Some(SpineError::Database(_) | SpineError::Migrate(_)) | None => {}
            Some(error) => return spine(error),
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("a service failed")]
    struct Service(#[source] SpineError);

    #[test]
    fn the_absence_of_the_database_is_found_behind_other_errors() {
        let away = Service(SpineError::Database(sqlx::Error::PoolTimedOut));
        assert!(is_away(&away) && is_nobodys_fault(&away));
        let busy = Service(SpineError::Busy);
        assert!(is_away(&busy) && is_nobodys_fault(&busy));
        let wrong = Service(SpineError::Database(sqlx::Error::RowNotFound));
        assert!(!is_away(&wrong) && !is_nobodys_fault(&wrong));
        let lost = Service(SpineError::LeaseLost(crate::JobId::new()));
        assert!(!is_away(&lost) && !is_nobodys_fault(&lost));
    }
}
