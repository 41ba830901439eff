//! What can go wrong.

use std::time::Duration;

use contracts::input::Unusable;
use contracts::plugins::{PluginError, Undone};
use http::StatusCode;
use spine::{Problem, SpineError, database_is_unavailable};

/// A failure of the connector service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectorsError {
    /// No such account or device, or it was removed.
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
    /// The system gave no randomness.
    #[error("the system gave no randomness")]
    Randomness(#[from] getrandom::Error),
    /// The store failed.
    #[error("the store of the connectors failed")]
    Store(#[from] sqlx::Error),
    /// The spine failed.
    #[error("the spine failed")]
    Spine(#[from] SpineError),
}

impl From<Unusable> for ConnectorsError {
    fn from(unusable: Unusable) -> Self {
        Self::Invalid(unusable.0)
    }
}

impl From<PluginError> for ConnectorsError {
    fn from(error: PluginError) -> Self {
        Self::Undone(error.into())
    }
}

impl ConnectorsError {
    /// Not now, but after a while.
    pub(crate) fn later(after: Duration) -> Self {
        Self::Undone(Undone::Later { after })
    }
}

impl From<ConnectorsError> for Problem {
    fn from(error: ConnectorsError) -> Self {
        let title = error.to_string();
        match error {
            ConnectorsError::NotFound => Self::not_found(),
            ConnectorsError::Invalid(_) => Self::unprocessable("invalid", title),
            ConnectorsError::Undone(undone) => undone.into(),
            ConnectorsError::ChangedMeanwhile => {
                Self::new(StatusCode::PRECONDITION_FAILED, "changed-meanwhile", title)
            }
            ConnectorsError::Store(error) if database_is_unavailable(&error) => {
                Self::unavailable(error)
            }
            ConnectorsError::Store(error) => Self::internal(error),
            ConnectorsError::Spine(error) => error.into(),
            other @ ConnectorsError::Randomness(_) => Self::internal(other),
        }
    }
}
