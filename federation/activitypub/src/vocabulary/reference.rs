//! A property that names another object or carries it along.

use serde_json::Value;
use url::Url;

use super::read::{parse_url, url_of};

/// An object by its id, or the object itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Reference {
    /// Only the id.
    Id(Url),
    /// The object as the sender puts it, which proves nothing unless the sender owns it.
    Embedded(Value),
}

impl Reference {
    pub(super) fn parse(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => parse_url(text).map(Self::Id),
            Value::Object(_) => Some(Self::Embedded(value.clone())),
            _ => None,
        }
    }

    /// The id; an embedded object may have none.
    pub fn id(&self) -> Option<Url> {
        match self {
            Self::Id(id) => Some(id.clone()),
            Self::Embedded(value) => url_of(value),
        }
    }

    /// The object, if it came along.
    pub fn embedded(&self) -> Option<&Value> {
        match self {
            Self::Id(_) => None,
            Self::Embedded(value) => Some(value),
        }
    }
}
