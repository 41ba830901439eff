//! Why an inbox does not take a request.

use activitypub::signature::SignatureError;
use http::StatusCode;
use spine::Problem;

use crate::SocialError;

/// A request to an inbox that is answered with an error. The sender's admin reads the sentence.
#[derive(Debug, thiserror::Error)]
pub enum InboxRefusal {
    /// The body is larger than an inbox takes.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The body is no activity, or one that this node does not read.
    #[error("the body is not an acceptable activity: {0}")]
    Malformed(String),
    /// Nobody of that name has an inbox here.
    #[error("there is no such inbox")]
    NoSuchInbox,
    /// A host that the activity involves is blocked.
    #[error("this node does not federate with that host")]
    Blocked,
    /// The signature is missing, insufficient, stale or wrong.
    #[error("the signature was not accepted: {0}")]
    Signature(#[from] SignatureError),
    /// The key that signed cannot be had, or is not the actor's.
    #[error("the signature was not accepted: {0}")]
    Key(&'static str),
    /// The node cannot keep anything right now, or failed.
    #[error(transparent)]
    Failed(#[from] SocialError),
}

impl From<InboxRefusal> for Problem {
    fn from(refusal: InboxRefusal) -> Self {
        let sentence = refusal.to_string();
        match refusal {
            InboxRefusal::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", sentence)
            }
            InboxRefusal::Malformed(_) => Self::bad_request("malformed-activity", sentence),
            InboxRefusal::NoSuchInbox => Self::not_found(),
            InboxRefusal::Blocked => Self::forbidden("host-blocked", sentence),
            InboxRefusal::Signature(_) | InboxRefusal::Key(_) => {
                Self::unauthorized("signature-refused", sentence)
            }
            InboxRefusal::Failed(error) => error.into(),
        }
    }
}

impl From<sqlx::Error> for InboxRefusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}
