//! What can go wrong.

use std::time::Duration;

use contracts::input::Unusable;
use contracts::plugins::{PluginError, PluginFailure};
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
    /// The plugin does not accept the configuration.
    #[error("the configuration is wrong: {0}")]
    BadConfig(String),
    /// There is no such plugin, or it may not be called.
    #[error("{0}")]
    NoPlugin(String),
    /// The plugin refuses a webhook: its signature is wrong, or it is not for this account.
    #[error("the webhook is refused: {0}")]
    HookRefused(String),
    /// The body of a webhook is too large.
    #[error("the body is larger than this takes")]
    HookTooLarge,
    /// Somebody else changed it in between.
    #[error("this was changed meanwhile; please read it again")]
    ChangedMeanwhile,
    /// Not now: too many calls of the plugin at once, the account is paused, or the plugin rests.
    #[error("not now; please try again in {} s", after.as_secs())]
    Later {
        /// When to try again.
        after: Duration,
    },
    /// The plugin failed.
    #[error("the plugin failed")]
    Plugin(#[source] PluginError),
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

impl From<ConnectorsError> for Problem {
    fn from(error: ConnectorsError) -> Self {
        let title = error.to_string();
        match error {
            ConnectorsError::NotFound => Self::not_found(),
            ConnectorsError::Invalid(_) => Self::unprocessable("invalid", title),
            ConnectorsError::BadConfig(_) => Self::unprocessable("bad-config", title),
            ConnectorsError::NoPlugin(_) => Self::unprocessable("no-plugin", title),
            ConnectorsError::HookRefused(_) => Self::forbidden("hook-refused", title),
            ConnectorsError::HookTooLarge => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", title)
            }
            ConnectorsError::ChangedMeanwhile => {
                Self::new(StatusCode::PRECONDITION_FAILED, "changed-meanwhile", title)
            }
            ConnectorsError::Later { after } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "later", title)
                    .with_retry_after(seconds(after))
            }
            ConnectorsError::Plugin(error) => Self::unavailable(error),
            ConnectorsError::Store(error) if database_is_unavailable(&error) => {
                Self::unavailable(error)
            }
            ConnectorsError::Store(error) => Self::internal(error),
            ConnectorsError::Spine(error) => error.into(),
            other @ ConnectorsError::Randomness(_) => Self::internal(other),
        }
    }
}
