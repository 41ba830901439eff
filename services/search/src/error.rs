//! What can go wrong when something is indexed or searched.

use spine::{HandlerError, JobError, Problem, SpineError, database_is_unavailable};

/// A failure of the search service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// A question that is understood and not acceptable.
    #[error("{detail}")]
    Invalid {
        /// The problem's stable name.
        kind: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The index is being made and cannot answer yet.
    #[error("the search index is being made")]
    NotReady,
    /// Meilisearch cannot be reached, or has too much to do.
    #[error("Meilisearch cannot be reached")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Meilisearch refused what it was asked, or could not do it.
    #[error("Meilisearch refused: {0}")]
    Refused(String),
    /// The settings cannot be used.
    #[error("{0}")]
    Settings(String),
    /// An event or a document is not the JSON it should be.
    #[error("a payload is not the JSON it should be")]
    Json(#[from] serde_json::Error),
    /// The store failed.
    #[error("the search store failed")]
    Store(#[from] sqlx::Error),
    /// The spine failed.
    #[error("the spine failed")]
    Spine(#[from] SpineError),
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Invalid { kind, detail } => Self::unprocessable(kind, detail),
            SearchError::NotReady | SearchError::Away(_) => Self::unavailable(error),
            SearchError::Store(error) if database_is_unavailable(&error) => {
                Self::unavailable(error)
            }
            SearchError::Store(error) => Self::internal(error),
            SearchError::Spine(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<SearchError> for HandlerError {
    fn from(error: SearchError) -> Self {
        match error {
            // Read again, it is no better.
            SearchError::Json(error) => Self::Reject(error.into()),
            other => Self::Retry(other.into()),
        }
    }
}

impl From<SearchError> for JobError {
    fn from(error: SearchError) -> Self {
        Self::retry(error)
    }
}
