//! Why a rule fired or did not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value as Json;

/// What was asked in one evaluation, in order, and where it stopped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Trace {
    /// The expressions that were worked out, in order.
    pub clauses: Vec<Clause>,
    /// Where and why it stopped short of acting; none where it acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<String>,
    /// Not all is here: a part of the event or of what was looked up was too large to be seen by the conditions, or what
    /// was read to be shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// What it did or ordered, with the ids of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<ActionTrace>,
}

/// An expression and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Clause {
    /// `when[0]`, `unless[1]`, `let.caller`, `throttle.key`, `do[0]`.
    pub place: String,
    /// As it was written.
    pub source: String,
    /// Its value, shortened.
    #[schema(value_type = Object)]
    pub value: Json,
    /// Why it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it read: of the event, by lookups, of `let`.
    #[schema(value_type = Object)]
    pub read: Reads,
}

/// What an expression read, by its text, in the order of the texts. Nearly always one or two things.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "BTreeMap<String, Json>")]
pub struct Reads(Vec<(String, Json)>);

impl Reads {
    /// What was read by this text.
    pub fn get(&self, text: &str) -> Option<&Json> {
        self.0.iter().find(|(known, _)| known == text).map(|(_, value)| value)
    }

    pub(crate) fn insert(&mut self, text: String, value: Json) {
        match self.0.binary_search_by(|(known, _)| known.as_str().cmp(&text)) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (text, value)),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl From<BTreeMap<String, Json>> for Reads {
    fn from(reads: BTreeMap<String, Json>) -> Self {
        Self(reads.into_iter().collect())
    }
}

impl Serialize for Reads {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(text, value)| (text, value)))
    }
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ActionTrace {
    /// `message`, `emit`, `intention`, `write_entities`.
    pub kind: String,
    /// The id of the job or of the event.
    pub id: String,
}
