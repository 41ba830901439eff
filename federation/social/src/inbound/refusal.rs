//! Why an inbox does not take a request.

use std::time::Duration;

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
    /// The signer's own server could not be asked for the key: it may work later.
    #[error("the signature could not be checked: the signer's server does not answer now")]
    SignerAway {
        /// When it is asked again.
        after: Duration,
    },
    /// Too many of the sender's signers could not be read, or had not signed.
    #[error("too many signatures from your address could not be checked")]
    TooManySigners {
        /// When they are looked at again.
        after: Duration,
    },
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
            InboxRefusal::SignerAway { after } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "signer-unavailable", sentence)
                    .with_retry_after(whole_seconds(after))
            }
            InboxRefusal::TooManySigners { after } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-signers", sentence)
                    .with_retry_after(whole_seconds(after))
            }
            InboxRefusal::Failed(error) => error.into(),
        }
    }
}

/// Rounded up: who comes back then must not be refused again.
fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
}

impl From<sqlx::Error> for InboxRefusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}
