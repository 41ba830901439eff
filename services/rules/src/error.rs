//! What can go wrong with rules.

use contracts::access::UnreadableSpace;
use contracts::plugins::PluginError;
use http::StatusCode;
use spine::{Problem, SpineError, database_is_unavailable};

use crate::document::DocumentError;
use crate::engine::RuleRefused;
use crate::engine::worker::NoResult;
use crate::lookups::Away;

/// A failure of the rules service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// The document cannot be read.
    #[error("the document is no rule: {0}")]
    Document(#[from] DocumentError),
    /// The document is read, and is no rule that could run.
    #[error("the rule is refused: {0}")]
    Refused(#[from] RuleRefused),
    /// One of the rule's own examples comes out differently.
    #[error("the rule's test[{index}] does not come out as said: {why}")]
    Test {
        /// Which one, from 0.
        index: usize,
        /// How it comes out.
        why: String,
    },
    /// More rules than there may be.
    #[error("{0}")]
    TooMany(String),
    /// It changed between reading and writing.
    #[error("the rule was changed meanwhile")]
    Changed,
    /// There is no such rule, or not any more.
    #[error("there is no such rule")]
    Absent,
    /// The evaluation has no result.
    #[error(transparent)]
    NoResult(#[from] NoResult),
    /// Another service is away.
    #[error(transparent)]
    Away(#[from] Away),
    /// A space that is stored is none.
    #[error("a stored space is none")]
    Space(#[from] UnreadableSpace),
    /// The plugin manager failed.
    #[error("the operators cannot be listed")]
    Plugins(#[from] PluginError),
    /// The store failed.
    #[error("the rules' store failed")]
    Store(#[from] sqlx::Error),
    /// The spine failed.
    #[error("the spine failed")]
    Spine(#[from] SpineError),
    /// Something stored cannot be read.
    #[error("what is stored is not the JSON it should be")]
    Json(#[from] serde_json::Error),
}

impl From<RulesError> for Problem {
    fn from(error: RulesError) -> Self {
        let said = error.to_string();
        match error {
            RulesError::Document(DocumentError::TooLarge) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "A rule has at most 64 KiB")
            }
            RulesError::Document(DocumentError::Syntax(why)) => {
                Self::bad_request("invalid-document", "The document is neither JSON nor YAML")
                    .with_detail(why)
            }
            RulesError::Document(DocumentError::Shape(why)) => {
                Self::unprocessable("invalid-rule", "The document is no rule").with_detail(why)
            }
            RulesError::Refused(refused) => {
                Self::unprocessable("invalid-rule", "The rule is refused")
                    .with_detail(refused.to_string())
            }
            RulesError::Test { .. } => {
                Self::unprocessable("failing-test", "A test of the rule fails").with_detail(said)
            }
            RulesError::TooMany(why) => {
                Self::unprocessable("too-many-rules", "There are too many rules already")
                    .with_detail(why)
            }
            RulesError::Changed => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "changed-meanwhile",
                "This was changed meanwhile; please read it again",
            ),
            RulesError::Absent => Self::not_found(),
            RulesError::NoResult(error) => Self::unavailable(error),
            RulesError::Away(error) => Self::unavailable(error),
            RulesError::Plugins(error) => Self::unavailable(error),
            RulesError::Store(error) if database_is_unavailable(&error) => Self::unavailable(error),
            RulesError::Store(error) => Self::internal(error),
            RulesError::Spine(error) => error.into(),
            other @ (RulesError::Json(_) | RulesError::Space(_)) => Self::internal(other),
        }
    }
}
