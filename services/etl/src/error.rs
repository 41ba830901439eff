//! What can go wrong.

use http::StatusCode;
use spine::{HandlerError, JobError, Problem, SpineError};

/// A failure of the ETL service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EtlError {
    /// No such record, mapping or run.
    #[error("there is no such thing")]
    NotFound,
    /// A mapping that cannot be used.
    #[error("{0}")]
    UnusableMapping(String),
    /// A document that is not even what its media type says.
    #[error("{0}")]
    Syntax(String),
    /// A document that is too long.
    #[error("a mapping has at most 64 KiB")]
    TooLarge,
    /// Another mapping takes this kind of record.
    #[error("the mapping `{0}` takes this kind of record already")]
    KindTaken(String),
    /// Something else in the request that is understood and not acceptable.
    #[error("{0}")]
    Invalid(String),
    /// What is stored cannot be read.
    #[error("what is stored cannot be read: {0}")]
    Damaged(String),
    /// Part of the work was cut off.
    #[error("a part of the work was cut off")]
    CutOff(#[from] tokio::task::JoinError),
    /// The store failed.
    #[error("the store of the records failed")]
    Store(#[from] sqlx::Error),
    /// The spine failed.
    #[error("the spine failed")]
    Spine(#[from] SpineError),
    /// Something cannot be written as JSON.
    #[error("something cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

impl From<EtlError> for Problem {
    fn from(error: EtlError) -> Self {
        let words = error.to_string();
        match error {
            EtlError::NotFound => Self::not_found(),
            EtlError::UnusableMapping(_) => {
                Self::unprocessable("unusable-mapping", "This mapping cannot be used")
                    .with_detail(words)
            }
            EtlError::Syntax(_) => {
                Self::bad_request("unreadable-mapping", "The document cannot be read")
                    .with_detail(words)
            }
            EtlError::TooLarge => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", words),
            EtlError::KindTaken(_) => Self::new(StatusCode::CONFLICT, "kind-taken", words),
            EtlError::Invalid(_) => Self::unprocessable("invalid", words),
            EtlError::Store(error) => error.into(),
            EtlError::Spine(error) => error.into(),
            other @ (EtlError::Damaged(_) | EtlError::CutOff(_) | EtlError::Json(_)) => {
                Self::internal(other)
            }
        }
    }
}

impl From<EtlError> for JobError {
    fn from(error: EtlError) -> Self {
        Self::retry(error)
    }
}

impl From<EtlError> for HandlerError {
    fn from(error: EtlError) -> Self {
        Self::Retry(Box::new(error))
    }
}
