//! What can go wrong in the social service.

use spine::{Problem, SpineError, database_is_unavailable};

/// A failure of the social service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocialError {
    /// Absent, or not for the asker: the two must look the same.
    #[error("record not found")]
    NotFound,
    /// The asker may see it and may not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The input is understood and not acceptable; the sentence is for people.
    #[error("Validation failed: {0}")]
    Invalid(String),
    /// Asked too often.
    #[error("too many requests")]
    TooMany,
    /// A remote server could not be reached or made no sense.
    #[error("the remote server failed: {0}")]
    Remote(String),
    /// Another transaction did the same at the same moment: the same call will now see it.
    #[error("another change of the same thing came first")]
    Raced,
    /// The store failed.
    #[error("the social store failed")]
    Store(#[from] sqlx::Error),
    /// The spine failed: it says itself how, as the source, where jobs look for what it means.
    #[error("the spine failed")]
    Spine(#[from] SpineError),
    /// A signing key could not be made or read.
    #[error("a signing key failed")]
    Key(#[from] activitypub::keys::KeyError),
    /// The media store failed.
    #[error("the media store failed")]
    Media(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SocialError {
    /// Whether the same call may succeed later.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Store(error) => database_is_unavailable(error),
            Self::Spine(error) => error.is_unavailable(),
            Self::Raced | Self::Media(_) => true,
            _ => false,
        }
    }
}

impl From<SocialError> for Problem {
    fn from(error: SocialError) -> Self {
        match error {
            SocialError::NotFound => Problem::not_found(),
            SocialError::Forbidden(why) => Problem::forbidden("not-allowed", why),
            SocialError::Invalid(_) => Problem::unprocessable("invalid", error.to_string()),
            SocialError::TooMany => Problem::new(
                http::StatusCode::TOO_MANY_REQUESTS,
                "too-many-requests",
                "Too many requests",
            )
            .with_retry_after(60),
            SocialError::Remote(_) => {
                Problem::new(http::StatusCode::BAD_GATEWAY, "remote-failed", error.to_string())
            }
            SocialError::Spine(error) => error.into(),
            other if other.is_unavailable() => Problem::unavailable(other),
            other => Problem::internal(other),
        }
    }
}

impl From<SocialError> for spine::JobError {
    fn from(error: SocialError) -> Self {
        match error {
            SocialError::NotFound | SocialError::Forbidden(_) | SocialError::Invalid(_) => {
                Self::give_up(error)
            }
            other => Self::retry(other),
        }
    }
}
