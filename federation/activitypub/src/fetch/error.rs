//! Why a document was not brought in.

use std::time::Duration;

use http::StatusCode;
use spine::http::HttpError;
use url::Url;

use crate::keys::KeyError;
use crate::knock::KnockError;
use crate::redirect::RedirectError;
use crate::signature::SignatureError;
use crate::vocabulary::VocabularyError;

/// A document was not fetched, or what was fetched is not to be believed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No response.
    #[error("the request failed")]
    Http(#[from] HttpError),
    /// The request could not be signed.
    #[error("the request could not be signed")]
    Signature(#[from] SignatureError),
    /// The host is blocked.
    #[error("the host {0} is blocked")]
    Blocked(String),
    /// A redirect that is not followed.
    #[error(transparent)]
    Redirect(#[from] RedirectError),
    /// 410: it was there and is deleted.
    #[error("the document is gone")]
    Gone,
    /// 404: it is not there, or not for us.
    #[error("the document is not found")]
    NotFound,
    /// The server does not want to give it: another 4xx.
    #[error("the server refused with {0}")]
    Refused(StatusCode),
    /// The server cannot give it now: 408, 429 or 5xx.
    #[error("the server failed with {status}")]
    Transient {
        /// Its answer.
        status: StatusCode,
        /// The wait that it asks for.
        after: Option<Duration>,
    },
    /// Not an ActivityStreams document.
    #[error("the media type {0:?} is not ActivityStreams")]
    ContentType(String),
    /// Not JSON.
    #[error("the document is not JSON")]
    Json(#[source] serde_json::Error),
    /// Not what it should be.
    #[error(transparent)]
    Vocabulary(#[from] VocabularyError),
    /// A document under one id says that it is another.
    #[error("the document at {expected} says that it is {found}")]
    IdMismatch {
        /// Where it came from.
        expected: Box<Url>,
        /// The id that it claims.
        found: Box<Url>,
    },
    /// The answer came from another origin than the id's.
    #[error("{0} answers from another origin")]
    ForeignOrigin(Url),
    /// The key's owner does not list it, so it is nobody's key.
    #[error("the key's owner does not list the key")]
    KeyNotListed,
    /// The key cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl FetchError {
    /// Whether the same fetch may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Http(error) => error.is_transient(),
            Self::Transient { .. } => true,
            _ => false,
        }
    }

    /// The wait that the server asks for.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Transient { after, .. } => *after,
            _ => None,
        }
    }

    /// Whether the origin itself says that the document does not exist any more.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone)
    }
}

impl From<KnockError> for FetchError {
    fn from(error: KnockError) -> Self {
        match error {
            KnockError::Http(error) => Self::Http(error),
            KnockError::Signature(error) => Self::Signature(error),
        }
    }
}
