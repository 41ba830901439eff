//! What can go wrong with the state of now.

use spine::{HandlerError, JobError, Problem, SpineError, database_is_unavailable};

/// A failure of the present service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PresentError {
    /// Redis cannot be reached, or refused.
    #[error("Redis failed")]
    Redis(#[from] redis::RedisError),
    /// The settings cannot be used.
    #[error("{0}")]
    Settings(String),
    /// Redis has lost its data, and is told them again.
    #[error("the state is being made again")]
    NotWhole,
    /// Redis lost its data while they were being made again.
    #[error("the state was lost while it was made again")]
    LostMeanwhile,
    /// An event or a state is not the JSON it should be.
    #[error("a payload is not the JSON it should be")]
    Json(#[from] serde_json::Error),
    /// The store failed.
    #[error("the present store failed")]
    Store(#[from] sqlx::Error),
    /// The spine failed.
    #[error("the spine failed")]
    Spine(#[from] SpineError),
}

impl From<PresentError> for Problem {
    fn from(error: PresentError) -> Self {
        match error {
            PresentError::Redis(_) | PresentError::NotWhole => Self::unavailable(error),
            PresentError::Store(error) if database_is_unavailable(&error) => {
                Self::unavailable(error)
            }
            PresentError::Store(error) => Self::internal(error),
            PresentError::Spine(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<PresentError> for HandlerError {
    fn from(error: PresentError) -> Self {
        match error {
            // Read again, it is no better.
            PresentError::Json(error) => Self::Reject(error.into()),
            // Class 22: what is in it can never be kept. It must not hold up all that follows.
            PresentError::Store(sqlx::Error::Database(error))
                if error.code().is_some_and(|code| code.starts_with("22")) =>
            {
                Self::Reject(error.into())
            }
            other => Self::Retry(other.into()),
        }
    }
}

impl From<PresentError> for JobError {
    fn from(error: PresentError) -> Self {
        Self::retry(error)
    }
}
