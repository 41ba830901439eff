//! Reading a document that somebody sent: bounded in size, depth and what its aliases expand to.

use serde_saphyr::options::{AliasLimits, DuplicateKeyPolicy, MergeKeyPolicy};

use super::{DOCUMENT_BYTES, RuleDocument};

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `application/json`
    Json,
    /// `application/yaml` (RFC 9512)
    Yaml,
}

impl MediaType {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Yaml => "application/yaml",
        }
    }

    /// The one that a `Content-Type` names.
    pub fn parse(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "application/json" => Some(Self::Json),
            "application/yaml" | "application/x-yaml" | "text/yaml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// Why a document cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Too long.
    #[error("a rule has at most 64 KiB")]
    TooLarge,
    /// It is no JSON or YAML, or more than may be expanded.
    #[error("{0}")]
    Syntax(String),
    /// It is none of the shape of a rule.
    #[error("{0}")]
    Shape(String),
}

/// Reads a rule.
///
/// # Errors
/// See [`DocumentError`].
pub fn read(source: &[u8], media_type: MediaType) -> Result<RuleDocument, DocumentError> {
    if source.len() > DOCUMENT_BYTES {
        return Err(DocumentError::TooLarge);
    }
    let text = std::str::from_utf8(source)
        .map_err(|_| DocumentError::Syntax("the document is not UTF-8".to_owned()))?;
    match media_type {
        MediaType::Json => serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => DocumentError::Shape(error.to_string()),
            _ => DocumentError::Syntax(error.to_string()),
        }),
        MediaType::Yaml => read_yaml(text),
    }
}

fn read_yaml(text: &str) -> Result<RuleDocument, DocumentError> {
    let mut budget = serde_saphyr::Budget::default();
    budget.max_events = 20_000;
    budget.max_aliases = 100;
    budget.max_anchors = 100;
    budget.max_depth = 64;
    budget.max_documents = 1;
    budget.flow_nesting_limit = 64;
    let mut aliases = AliasLimits::default();
    aliases.max_total_replayed_events = 5_000;
    aliases.max_replay_stack_depth = 4;
    aliases.max_alias_expansions_per_anchor = 50;
    let options = serde_saphyr::options! {
        budget: Some(budget),
        alias_limits: aliases,
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        // The library does not tell syntax from shape in a stable way; both say where it is wrong.
        DocumentError::Shape(error.to_string().chars().take(1_000).collect())
    })
}
