//! What can go wrong in the policy service, and how callers hear of it.

use http::StatusCode;
use spine::{JobError, Problem, SpineError};

/// A failure of the policy service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The policies of the program itself do not fit its schema: a fault in the program.
    #[error("the built-in policies are faulty: {0}")]
    BuiltIn(String),
    /// A policy of the household cannot be taken as it is.
    #[error("{0}")]
    Unacceptable(String),
    /// Input that is understood and not acceptable: a stable name and a sentence.
    #[error("{1}")]
    Invalid(&'static str, String),
    /// The change does not go with what is there.
    #[error("{1}")]
    Conflict(&'static str, &'static str),
    /// Absent, or not for the asker.
    #[error("there is no such thing")]
    NotFound,
    /// The log's name cannot be used, its key cannot be made or does not fit.
    #[error("the audit log's key: {0}")]
    AuditKey(String),
    /// The audit log is not as it was written.
    #[error("the audit log is damaged: {0}; see `sovereign audit verify`")]
    AuditDamaged(String),
    /// The file that keeps the audit log's newest head cannot be read or written.
    #[error("the audit log's head cannot be kept in {}", path.display())]
    Witness {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The audit log could not be written in time: nothing may be answered.
    #[error("the audit log cannot be written")]
    AuditAway,
    /// What a decision rested on was changed by another process before its answer left, and it is not
    /// permitted any more.
    #[error("what this was permitted by was withdrawn meanwhile")]
    Withdrawn,
    /// The store failed.
    #[error("the policy store failed")]
    Store(#[from] sqlx::Error),
    /// The spine failed.
    #[error("the spine failed")]
    Spine(#[from] SpineError),
    /// Something could not be written or read as JSON.
    #[error("not the JSON it should be")]
    Json(#[from] serde_json::Error),
}

impl From<PolicyError> for Problem {
    fn from(error: PolicyError) -> Self {
        let title = error.to_string();
        match error {
            PolicyError::Unacceptable(_) => {
                Self::unprocessable("invalid-policy", "This is no policy that can hold here")
                    .with_detail(title)
            }
            PolicyError::Invalid(kind, _) => Self::unprocessable(kind, title),
            PolicyError::Conflict(kind, _) => Self::new(StatusCode::CONFLICT, kind, title),
            PolicyError::NotFound => Self::not_found(),
            PolicyError::AuditAway | PolicyError::Withdrawn => Self::unavailable(error),
            PolicyError::Store(error) => error.into(),
            PolicyError::Spine(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<PolicyError> for JobError {
    fn from(error: PolicyError) -> Self {
        match error {
            // A damaged log does not mend itself: an operator must look.
            PolicyError::AuditDamaged(_) => Self::GiveUp(Box::new(error)),
            other => Self::Retry(Box::new(other)),
        }
    }
}
