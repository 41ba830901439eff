//! Why a call failed.

use crate::HttpError;
use crate::bindings::host::sovereign::plugin::{state::StateError, types};
use crate::host::SecretError;

pub use types::{PluginError, RetryAfter};

impl PluginError {
    /// Try again later; `seconds` is how long the service asks to wait.
    pub fn retry(seconds: Option<u32>, reason: impl Into<String>) -> Self {
        Self::Retry(RetryAfter { seconds, reason: reason.into() })
    }

    /// The credential is missing, expired or refused.
    pub fn unauthorized(reason: impl Into<String>) -> Self {
        Self::Unauthorized(reason.into())
    }

    /// The person's configuration is wrong.
    pub fn bad_config(reason: impl Into<String>) -> Self {
        Self::BadConfig(reason.into())
    }

    /// The input was malformed or not for this plugin.
    pub fn rejected(reason: impl Into<String>) -> Self {
        Self::Rejected(reason.into())
    }

    /// Anything else.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into())
    }
}

impl From<HttpError> for PluginError {
    /// What may pass by itself is tried again; what the host refuses stays refused.
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::NotAllowed(reason) => {
                Self::bad_config(format!("the node does not permit the request: {reason}"))
            }
            HttpError::Timeout => Self::retry(None, "the service did not answer in time"),
            HttpError::TooLarge(bytes) => {
                Self::failed(format!("the answer is too large: {bytes} bytes"))
            }
            HttpError::Dns => Self::retry(None, "the service's name was not found"),
            HttpError::Tls(reason) => Self::retry(None, format!("no secure connection: {reason}")),
            HttpError::Connect(reason) => Self::retry(None, format!("no connection: {reason}")),
            HttpError::BadRequest(reason) => {
                Self::failed(format!("the request is malformed: {reason}"))
            }
            HttpError::Throttled(seconds) => {
                Self::retry(Some(seconds), "the node's own limit for this plugin")
            }
        }
    }
}

impl From<SecretError> for PluginError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::NotSet => Self::unauthorized("a secret is not filled in yet"),
            SecretError::NotDeclared => Self::failed("the manifest does not declare the secret"),
            SecretError::NotReadable => Self::failed("the secret is not for reading"),
        }
    }
}

impl From<StateError> for PluginError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::QuotaExceeded => Self::failed("the plugin's state is full"),
            StateError::TooLarge => Self::failed("a value is too large for the plugin's state"),
            StateError::Unavailable(reason) => {
                Self::retry(None, format!("the plugin's state is out of reach: {reason}"))
            }
        }
    }
}
