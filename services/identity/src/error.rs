//! What can go wrong when somebody logs in, and how OAuth 2 names it.

use http::StatusCode;
use spine::{Problem, SpineError, database_is_unavailable};

/// A failure of the identity service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// No such client, or its secret is wrong (RFC 6749, section 5.2).
    #[error("Client authentication failed: unknown client, or its secret is wrong.")]
    InvalidClient,
    /// The code or the credentials are wrong, used, expired, or were made for someone else.
    #[error(
        "The code or the credentials are wrong, expired, already used, or belong to another client."
    )]
    InvalidGrant,
    /// More was asked for than the app registered.
    #[error("The requested scope is unknown, or more than the app registered.")]
    InvalidScope,
    /// The redirect address is not one that the app registered.
    #[error("The redirect URI is not one that the app registered.")]
    InvalidRedirect,
    /// A request that cannot be understood.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// This way to a token is switched off or unknown.
    #[error("This node does not offer that grant type.")]
    UnsupportedGrant,
    /// Wrong name or password.
    #[error("The name or the password is wrong.")]
    WrongPassword,
    /// Too many wrong passwords.
    #[error("Too many attempts; please wait a few minutes.")]
    TooManyAttempts,
    /// The person waits for approval or is suspended.
    #[error("{0}")]
    NotActive(&'static str),
    /// Input that is understood and not acceptable.
    #[error("Validation failed: {0}")]
    Invalid(String),
    /// The setup code is wrong or was used.
    #[error("That setup code is not the one this node printed, or it was already used.")]
    WrongSetupCode,
    /// The store failed.
    #[error("the identity store failed")]
    Store(#[from] sqlx::Error),
    /// The spine failed: it says itself how, as the source, where jobs look for what it means.
    #[error("the spine failed")]
    Spine(#[from] SpineError),
    /// A password could not be hashed, or the system gave no randomness.
    #[error("cryptography failed: {0}")]
    Crypto(&'static str),
}

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        let title = error.to_string();
        match error {
            IdentityError::InvalidClient => {
                Self::unauthorized("invalid-client", title).with_oauth_error("invalid_client")
            }
            IdentityError::InvalidGrant | IdentityError::WrongPassword => {
                Self::bad_request("invalid-grant", title).with_oauth_error("invalid_grant")
            }
            IdentityError::InvalidScope => {
                Self::bad_request("invalid-scope", title).with_oauth_error("invalid_scope")
            }
            IdentityError::InvalidRedirect | IdentityError::InvalidRequest(_) => {
                Self::bad_request("invalid-request", title).with_oauth_error("invalid_request")
            }
            IdentityError::UnsupportedGrant => Self::bad_request("unsupported-grant-type", title)
                .with_oauth_error("unsupported_grant_type"),
            IdentityError::TooManyAttempts => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", title)
                    .with_retry_after(300)
            }
            IdentityError::NotActive(_) => Self::forbidden("not-active", title),
            IdentityError::Invalid(_) => Self::unprocessable("invalid", title),
            IdentityError::WrongSetupCode => Self::forbidden("wrong-setup-code", title),
            IdentityError::Store(error) if database_is_unavailable(&error) => {
                Self::unavailable(error)
            }
            IdentityError::Store(error) => Self::internal(error),
            IdentityError::Spine(error) => error.into(),
            other @ IdentityError::Crypto(_) => Self::internal(other),
        }
    }
}
