//! What can go wrong in the graph.

use contracts::api::ApiError;
use contracts::model::Unacceptable;
use http::StatusCode;
use spine::{JobError, Problem, SpineError};
use uuid::Uuid;

/// A failure of the data service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// No such thing, or it is gone.
    #[error("nothing in the graph has the id {0}")]
    NotFound(Uuid),
    /// Something that cannot be written.
    #[error("{0}")]
    Unacceptable(#[from] Unacceptable),
    /// It changed since it was read.
    #[error("this was changed meanwhile; please read it again")]
    ChangedMeanwhile,
    /// Two that cannot become one.
    #[error("{0}")]
    NoMerge(&'static str),
    /// What is decided already.
    #[error("{0}")]
    Decided(&'static str),
    /// The store failed.
    #[error("the store of the graph failed")]
    Store(#[from] sqlx::Error),
    /// The spine failed: it says itself how, as the source, where jobs look for what it means.
    #[error("the spine failed")]
    Spine(#[from] SpineError),
    /// Another service could not be read.
    #[error("another service could not be read")]
    Api(#[from] ApiError),
}

impl From<DataError> for Problem {
    fn from(error: DataError) -> Self {
        let title = error.to_string();
        match error {
            DataError::NotFound(_) => Self::not_found(),
            DataError::Unacceptable(_) => Self::unprocessable("unacceptable", title),
            DataError::ChangedMeanwhile => {
                Self::new(StatusCode::CONFLICT, "changed-meanwhile", title)
            }
            DataError::NoMerge(_) => Self::unprocessable("no-merge", title),
            DataError::Decided(_) => Self::new(StatusCode::CONFLICT, "decided", title),
            DataError::Store(error) => error.into(),
            DataError::Spine(error) => error.into(),
            error @ DataError::Api(_) => Self::unavailable(error),
        }
    }
}

impl From<DataError> for JobError {
    fn from(error: DataError) -> Self {
        match error {
            DataError::NotFound(_)
            | DataError::Unacceptable(_)
            | DataError::NoMerge(_)
            | DataError::Decided(_) => Self::give_up(error),
            other => Self::retry(other),
        }
    }
}
