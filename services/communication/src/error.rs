//! What can go wrong.

use std::time::Duration;

use contracts::api::ApiError;
use contracts::input::Unusable;
use contracts::plugins::{PluginError, PluginFailure};
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
    /// The plugin does not accept the configuration.
    #[error("the configuration is wrong: {0}")]
    BadConfig(String),
    /// There is no such plugin, or it may not be called.
    #[error("{0}")]
    NoPlugin(String),
    /// The plugin refuses a webhook: its signature is wrong, or it is not for this channel.
    #[error("the webhook is refused: {0}")]
    HookRefused(String),
    /// The body of a webhook is too large.
    #[error("the body is larger than this takes")]
    HookTooLarge,
    /// Somebody else changed it in between.
    #[error("this was changed meanwhile; please read it again")]
    ChangedMeanwhile,
    /// Not now: the channel is paused, or its plugin rests.
    #[error("not now; please try again in {} s", after.as_secs())]
    Later {
        /// When to try again.
        after: Duration,
    },
    /// The plugin failed.
    #[error("the plugin failed")]
    Plugin(#[source] PluginError),
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
        match error {
            PluginError::Guest(PluginFailure::BadConfig(words)) => Self::BadConfig(words),
            PluginError::Guest(PluginFailure::Rejected(words)) => Self::HookRefused(words),
            PluginError::Guest(PluginFailure::Retry { after, .. }) => {
                Self::Later { after: after.unwrap_or(Duration::from_secs(30)) }
            }
            PluginError::Resting { after, .. } => Self::Later { after },
            PluginError::Unavailable { .. } => Self::NoPlugin(error.to_string()),
            other => Self::Plugin(other),
        }
    }
}

/// Seconds for a `Retry-After`: from one up to an hour.
fn seconds(after: Duration) -> u32 {
    u32::try_from(after.as_secs().clamp(1, 3_600)).unwrap_or(3_600)
}

impl From<CommunicationError> for Problem {
    fn from(error: CommunicationError) -> Self {
        let title = error.to_string();
        match error {
            CommunicationError::NotFound => Self::not_found(),
            CommunicationError::Invalid(_) => Self::unprocessable("invalid", title),
            CommunicationError::BadConfig(_) => Self::unprocessable("bad-config", title),
            CommunicationError::NoPlugin(_) => Self::unprocessable("no-plugin", title),
            CommunicationError::HookRefused(_) => Self::forbidden("hook-refused", title),
            CommunicationError::HookTooLarge => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", title)
            }
            CommunicationError::ChangedMeanwhile => {
                Self::new(StatusCode::PRECONDITION_FAILED, "changed-meanwhile", title)
            }
            CommunicationError::Later { after } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "later", title)
                    .with_retry_after(seconds(after))
            }
            CommunicationError::Plugin(error) => Self::unavailable(error),
            CommunicationError::Contacts(error) => Self::unavailable(error),
            CommunicationError::Store(error) if database_is_unavailable(&error) => {
                Self::unavailable(error)
            }
            CommunicationError::Store(error) => Self::internal(error),
            CommunicationError::Spine(error) => error.into(),
        }
    }
}
