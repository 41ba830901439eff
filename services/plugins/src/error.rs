//! What can go wrong while plugins are looked after, and how the API says it.

use http::StatusCode;
use spine::{Problem, SpineError, database_is_unavailable};

use crate::engine::{CallError, EngineError};
use crate::manifest::ManifestError;
use crate::plugin::Capabilities;

/// A failure of the plugin manager.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginsError {
    /// No such plugin, account, version or secret.
    #[error("Record not found")]
    NotFound,
    /// The component or its manifest is refused.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The component cannot be compiled or linked.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The component was stopped when it was asked to describe itself.
    #[error("the plugin could not describe itself: {0}")]
    Describe(#[source] CallError),
    /// The plugin describes settings that are no JSON Schema.
    #[error("the plugin's configuration schema is unusable: {0}")]
    Schema(String),
    /// The bytes are not those that were expected.
    #[error("the component's SHA-256 is {found}, and {expected} was expected")]
    OtherDigest {
        /// What was expected.
        expected: String,
        /// What the bytes have.
        found: String,
    },
    /// The signature is missing, wrong, or by somebody else.
    #[error("{0}")]
    Signature(&'static str),
    /// The component could not be fetched.
    #[error("the component could not be fetched: {0}")]
    Fetch(String),
    /// It is there already.
    #[error("the plugin {0} is installed already; upgrade it instead")]
    Installed(String),
    /// An upgrade must be newer.
    #[error("the version {found} is not newer than {current}")]
    NotNewer {
        /// What is there.
        current: String,
        /// What was offered.
        found: String,
    },
    /// The component is of another plugin or of another world.
    #[error("the component is of {found}, not of {wanted}")]
    OtherPlugin {
        /// The plugin that is to be upgraded.
        wanted: String,
        /// What the component says.
        found: String,
    },
    /// The operator has not granted what it asks for.
    #[error("the plugin asks for more than was granted")]
    NotGranted(Box<Capabilities>),
    /// Input that is understood and not acceptable.
    #[error("{0}")]
    Invalid(String),
    /// Not in this state.
    #[error("{0}")]
    Conflict(&'static str),
    /// It was changed by somebody else meanwhile.
    #[error("This was changed meanwhile; please read it again")]
    ChangedMeanwhile,
    /// A sign-in that was not finished, by whoever began it, in time.
    #[error("{0}")]
    SignIn(String),
    /// The API said no about the account.
    #[error("the account cannot be read")]
    Account(#[from] contracts::api::ApiError),
    /// A word of the policy.
    #[error(transparent)]
    Refused(Problem),
    /// The store failed.
    #[error("the plugin store failed")]
    Store(#[from] sqlx::Error),
    /// The spine failed.
    #[error("the spine failed")]
    Spine(#[from] SpineError),
    /// What is stored cannot be read any more.
    #[error("what is stored of a plugin cannot be read: {0}")]
    Stored(String),
}

impl From<PluginsError> for Problem {
    fn from(error: PluginsError) -> Self {
        let detail = error.to_string();
        let refused = |kind, title: &'static str, detail| {
            Self::unprocessable(kind, title).with_detail(detail)
        };
        match error {
            PluginsError::NotFound => Self::not_found(),
            PluginsError::Manifest(ManifestError::TooLarge { .. }) => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "The component is larger than this takes",
            )
            .with_detail(detail),
            PluginsError::Manifest(ManifestError::OtherInterface { .. }) => refused(
                "other-interface",
                "The plugin was made for another version of the interface",
                detail,
            ),
            PluginsError::Manifest(_) => {
                refused("invalid-plugin", "This plugin cannot be installed", detail)
            }
            PluginsError::Engine(EngineError::Component(_))
            | PluginsError::Describe(CallError::Stopped(_))
            | PluginsError::Schema(_) => {
                refused("unusable-plugin", "This plugin does not work here", chain(&error))
            }
            PluginsError::OtherDigest { .. } => {
                refused("other-digest", "These are not the bytes that were expected", detail)
            }
            PluginsError::Signature(_) => {
                refused("invalid-signature", "The signature does not hold", detail)
            }
            PluginsError::Fetch(_) => {
                refused("not-fetched", "The component could not be fetched", detail)
            }
            PluginsError::NotNewer { .. } | PluginsError::OtherPlugin { .. } => {
                refused("not-an-upgrade", "This is no upgrade of the plugin", detail)
            }
            PluginsError::Invalid(_) => refused("invalid", "A value is not acceptable", detail),
            PluginsError::NotGranted(_) => Self::new(
                StatusCode::CONFLICT,
                "not-granted",
                "The plugin asks for more than was granted",
            ),
            PluginsError::Installed(_) => Self::new(
                StatusCode::CONFLICT,
                "already-installed",
                "The plugin is installed already",
            )
            .with_detail(detail),
            PluginsError::Conflict(title) => Self::new(StatusCode::CONFLICT, "wrong-state", title),
            PluginsError::ChangedMeanwhile => {
                Self::new(StatusCode::PRECONDITION_FAILED, "changed-meanwhile", detail)
            }
            PluginsError::SignIn(_) => {
                Self::bad_request("sign-in-failed", "The sign-in was not finished")
                    .with_detail(detail)
            }
            PluginsError::Account(error) if error.is_not_found() => Self::not_found(),
            PluginsError::Account(error) if error.is_refusal() => {
                Self::forbidden("not-permitted", "The policy of this node does not permit this")
            }
            PluginsError::Account(error) => Self::unavailable(error),
            PluginsError::Refused(problem) => problem,
            PluginsError::Store(error) if database_is_unavailable(&error) => {
                Self::unavailable(error)
            }
            PluginsError::Store(error) => Self::internal(error),
            PluginsError::Spine(error) => error.into(),
            error @ PluginsError::Engine(EngineError::Busy) => Self::unavailable(error),
            error @ (PluginsError::Engine(_)
            | PluginsError::Describe(_)
            | PluginsError::Stored(_)) => Self::internal(error),
        }
    }
}

/// The error with what lies behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
