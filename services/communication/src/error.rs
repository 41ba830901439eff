//! What can go wrong.

use contracts::api::ApiError;
use contracts::input::Unusable;
use contracts::plugins::{PluginError, Undone};
use http::StatusCode;
use spine::{Problem, SpineError, database_is_unavailable};

/// A failure of the communication service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommunicationError {
    /// No such channel, message or call, or it was removed.
    #[error("there is no such record")]
    NotFound,
    /// Input that is understood and not acceptable.
    #[error("{0}")]
    Invalid(String),
    /// Somebody else changed it in between.
    #[error("this was changed meanwhile; please read it again")]
    ChangedMeanwhile,
    /// The plugin did not do what was asked, or was not asked.
    #[error(transparent)]
    Undone(#[from] Undone),
    /// The contacts could not be asked.
    #[error("the contacts could not be asked")]
    Contacts(#[source] ApiError),
    /// The store failed.
    #[error("the store of the communication failed")]
    Store(#[from] sqlx::Error),
    /// The spine failed.
    #[error("the spine failed")]
    Spine(#[from] SpineError),
}

impl From<Unusable> for CommunicationError {
    fn from(unusable: Unusable) -> Self {
        Self::Invalid(unusable.0)
    }
}

impl From<PluginError> for CommunicationError {
    fn from(error: PluginError) -> Self {
        Self::Undone(error.into())
    }
}

impl From<CommunicationError> for Problem {
    fn from(error: CommunicationError) -> Self {
        let title = error.to_string();
        match error {
            CommunicationError::NotFound => Self::not_found(),
            CommunicationError::Invalid(_) => Self::unprocessable("invalid", title),
            CommunicationError::Undone(undone) => undone.into(),
            CommunicationError::ChangedMeanwhile => {
                Self::new(StatusCode::PRECONDITION_FAILED, "changed-meanwhile", title)
            }
            CommunicationError::Contacts(error) => Self::unavailable(error),
            CommunicationError::Store(error) if database_is_unavailable(&error) => {
                Self::unavailable(error)
            }
            CommunicationError::Store(error) => Self::internal(error),
            CommunicationError::Spine(error) => error.into(),
        }
    }
}
