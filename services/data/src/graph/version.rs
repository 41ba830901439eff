//! An entity's versions, and how they differ.

use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use contracts::events::data::EntityVersion;
use contracts::model::{Alias, SourceKey};
use serde_json::{Map, Value};
use uuid::Uuid;

/// What is said of an entity.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Content {
    pub(crate) r#type: String,
    pub(crate) space: SpaceId,
    pub(crate) data: Map<String, Value>,
    pub(crate) labels: Vec<String>,
    pub(crate) aliases: Vec<Alias>,
    pub(crate) keys: Vec<SourceKey>,
    pub(crate) valid_from: Option<DateTime<Utc>>,
    pub(crate) valid_to: Option<DateTime<Utc>>,
}

/// A version of an entity.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Version {
    pub(crate) id: Uuid,
    pub(crate) version: i32,
    pub(crate) content: Content,
    pub(crate) recorded_at: DateTime<Utc>,
    pub(crate) superseded_at: Option<DateTime<Utc>>,
}

impl Version {
    /// Its number, as the API and the events write it.
    pub(crate) fn number(&self) -> u32 {
        u32::try_from(self.version).unwrap_or_default()
    }

    /// As events carry it.
    pub(crate) fn as_event(&self) -> EntityVersion {
        let content = self.content.clone();
        EntityVersion {
            entity: self.id,
            version: self.number(),
            r#type: content.r#type,
            space: content.space,
            data: content.data,
            labels: content.labels,
            aliases: content.aliases,
            keys: content.keys,
            valid_from: content.valid_from,
            valid_to: content.valid_to,
            recorded_at: self.recorded_at,
        }
    }
}

/// The names of the properties that differ, and `type`, `space`, `labels`, `aliases`, `keys`,
/// `valid_from`, `valid_to`.
pub(crate) fn differences(before: &Content, after: &Content) -> Vec<String> {
    let mut names: Vec<String> = before
        .data
        .iter()
        .filter(|(name, value)| after.data.get(*name) != Some(value))
        .map(|(name, _)| name.clone())
        .collect();
    names.extend(after.data.keys().filter(|name| !before.data.contains_key(*name)).cloned());
    names.sort_unstable();
    let others = [
        ("type", before.r#type != after.r#type),
        ("space", before.space != after.space),
        ("labels", before.labels != after.labels),
        ("aliases", before.aliases != after.aliases),
        ("keys", before.keys != after.keys),
        ("valid_from", before.valid_from != after.valid_from),
        ("valid_to", before.valid_to != after.valid_to),
    ];
    names.extend(others.iter().filter(|(_, differs)| *differs).map(|(name, _)| (*name).to_owned()));
    names
}
