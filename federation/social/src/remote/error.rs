//! Why something was not read from another server.

use std::time::Duration;

use activitypub::fetch::FetchError;
use activitypub::vocabulary::VocabularyError;
use activitypub::webfinger::WebFingerError;

use super::failures::{Failure, Rest};
use crate::SocialError;

/// Reading from another server failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    /// Its host is blocked, or it is our own.
    #[error("the host is not asked")]
    Refused,
    /// It, or its host, failed a moment ago, and is left alone.
    #[error("it failed a moment ago")]
    FailedLately(Rest),
    /// Its own host says that it is gone.
    #[error("it is gone")]
    Gone,
    /// The document could not be had.
    #[error("the document could not be read")]
    Fetch(#[source] FetchError),
    /// The handle could not be confirmed.
    #[error("the handle could not be confirmed")]
    WebFinger(#[from] WebFingerError),
    /// The document is not what it should be.
    #[error(transparent)]
    Vocabulary(#[from] VocabularyError),
    /// The document makes a claim that it may not make.
    #[error("{0}")]
    Untrue(&'static str),
    /// Storing it failed.
    #[error(transparent)]
    Social(#[from] SocialError),
}

impl RemoteError {
    /// Whether it may work later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::FailedLately(rest) => rest.failure == Failure::Passing,
            Self::Fetch(error) => error.is_transient(),
            Self::WebFinger(error) => error.is_transient(),
            Self::Social(_) => true,
            Self::Refused | Self::Gone | Self::Vocabulary(_) | Self::Untrue(_) => false,
        }
    }

    /// The wait that its host asked for.
    pub(crate) fn stated_wait(&self) -> Option<Duration> {
        match self {
            Self::Fetch(error) => error.retry_after(),
            _ => None,
        }
    }

    /// How long it is left alone: nothing was asked.
    pub(crate) fn rest(&self) -> Option<Duration> {
        match self {
            Self::FailedLately(rest) => Some(rest.left),
            _ => None,
        }
    }
}

impl From<FetchError> for RemoteError {
    fn from(error: FetchError) -> Self {
        if error.is_gone() { Self::Gone } else { Self::Fetch(error) }
    }
}

impl From<sqlx::Error> for RemoteError {
    fn from(error: sqlx::Error) -> Self {
        Self::Social(error.into())
    }
}

impl From<spine::SpineError> for RemoteError {
    fn from(error: spine::SpineError) -> Self {
        Self::Social(error.into())
    }
}

impl From<RemoteError> for SocialError {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::Social(error) => error,
            other => Self::Remote(describe(&other)),
        }
    }
}

/// The error with its causes: whoever reads it was not there.
pub(super) fn describe(error: &RemoteError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
