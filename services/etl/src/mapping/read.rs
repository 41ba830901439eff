//! Reading a document that somebody sent: bounded in size, depth and what its aliases expand to.

use serde_saphyr::options::{AliasLimits, DuplicateKeyPolicy, MergeKeyPolicy};

use super::{LONGEST_DOCUMENT, MappingDocument};

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `application/json`
    Json,
    /// `application/yaml` (RFC 9512)
    Yaml,
}

impl Form {
    /// The one that a `Content-Type` names.
    pub(crate) fn parse(content_type: &str) -> Option<Self> {
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
pub(crate) enum ReadError {
    /// Too long.
    #[error("a mapping has at most 64 KiB")]
    TooLarge,
    /// It is no JSON.
    #[error("{0}")]
    Syntax(String),
    /// It is none of the shape of a mapping, or no YAML.
    #[error("{0}")]
    Shape(String),
}

/// Reads a mapping.
///
/// # Errors
/// See [`ReadError`].
pub(crate) fn read(source: &[u8], form: Form) -> Result<MappingDocument, ReadError> {
    if source.len() > LONGEST_DOCUMENT {
        return Err(ReadError::TooLarge);
    }
    let text = std::str::from_utf8(source)
        .map_err(|_| ReadError::Syntax("the document is not UTF-8".to_owned()))?;
    let said = |error: String| error.chars().take(1_000).collect::<String>();
    match form {
        Form::Json => serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => ReadError::Shape(said(error.to_string())),
            _ => ReadError::Syntax(said(error.to_string())),
        }),
        Form::Yaml => read_yaml(text).map_err(|error| ReadError::Shape(said(error.to_string()))),
    }
}

fn read_yaml(text: &str) -> Result<MappingDocument, serde_saphyr::Error> {
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
    serde_saphyr::from_str_with_options(text, options)
}
