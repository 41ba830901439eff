//! What the API shows and takes.

use chrono::{DateTime, SubsecRound as _, Utc};
use contracts::access::{Caller, SpaceId};
use contracts::model::{
    Alias, EntityDraft, Operation, Provenance, SourceKey, TYPES, Unacceptable, check_alias,
    check_data, check_labels, check_times,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::graph::Version;
use crate::store::history::Origin;
use crate::write::Patch;

/// An entity, as it is known.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Entity {
    /// Its id, for ever. Asked for under the id of one that became part of another, the other is shown.
    pub id: Uuid,
    /// Its type, by schema.org's name.
    pub r#type: String,
    /// Where it belongs.
    pub space: SpaceId,
    /// Its version, from 1.
    pub version: u32,
    /// Its properties, by schema.org's names.
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
    /// Its labels.
    pub labels: Vec<String>,
    /// Other names it is recognised by.
    pub aliases: Vec<Alias>,
    /// Its keys at its sources.
    pub keys: Vec<SourceKey>,
    /// Since when it holds in the world, where known.
    pub valid_from: Option<DateTime<Utc>>,
    /// Until when.
    pub valid_to: Option<DateTime<Utc>>,
    /// Since when this version is known here.
    pub recorded_at: DateTime<Utc>,
}

impl From<Version> for Entity {
    fn from(version: Version) -> Self {
        let number = version.number();
        let content = version.content;
        Self {
            id: version.id,
            r#type: content.r#type,
            space: content.space,
            version: number,
            data: content.data,
            labels: content.labels,
            aliases: content.aliases,
            keys: content.keys,
            valid_from: content.valid_from,
            valid_to: content.valid_to,
            recorded_at: version.recorded_at,
        }
    }
}

/// Where a version comes from: which key at which source, and how it came here.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct OriginView {
    /// The key at the source.
    pub key: SourceKey,
    /// How it came here.
    pub provenance: Provenance,
}

impl From<Origin> for OriginView {
    fn from(origin: Origin) -> Self {
        Self { key: origin.key, provenance: origin.provenance }
    }
}

/// A new entity.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEntity {
    /// Its type, by schema.org's name.
    #[schema(example = "Person")]
    pub r#type: String,
    /// Where it belongs.
    pub space: SpaceId,
    /// Its properties, by schema.org's names: at most 512 KiB, 16 levels deep.
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
    /// Its labels.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub labels: Vec<String>,
    /// Other names it is recognised by.
    #[serde(default)]
    #[schema(max_items = 200)]
    pub aliases: Vec<Alias>,
    /// Since when it holds in the world.
    #[serde(default)]
    pub valid_from: Option<DateTime<Utc>>,
    /// Until when.
    #[serde(default)]
    pub valid_to: Option<DateTime<Utc>>,
}

impl NewEntity {
    /// As the word of whoever asks.
    pub(super) fn into_draft(self, id: Uuid, caller: &Caller) -> EntityDraft {
        EntityDraft {
            key: own_key(id, caller),
            operation: Operation::Upsert,
            r#type: self.r#type,
            space: self.space,
            data: self.data,
            labels: self.labels,
            aliases: self.aliases,
            edges: Vec::new(),
            valid_from: self.valid_from,
            valid_to: self.valid_to,
            provenance: own_provenance(caller),
        }
    }
}

/// The key under which somebody's own word about an entity is kept.
pub(super) fn own_key(entity: Uuid, caller: &Caller) -> SourceKey {
    SourceKey {
        source: own_source(caller),
        kind: "entity".to_owned(),
        external_id: entity.to_string(),
    }
}

/// As whose word it counts.
pub(super) fn own_source(caller: &Caller) -> String {
    match caller.responsible() {
        Some(person) => format!("person:{person}"),
        None => caller.principal.to_string().chars().take(190).collect(),
    }
}

pub(super) fn own_provenance(caller: &Caller) -> Provenance {
    Provenance { by: caller.principal.to_string(), ..Provenance::default() }
}

/// A change of an entity. What is absent stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EntityChange {
    /// Properties to set; null removes one (RFC 7396, on the first level).
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
    /// Another type.
    pub r#type: Option<String>,
    /// Another place.
    pub space: Option<SpaceId>,
    /// The caller's own labels; those from other sources stay.
    #[schema(max_items = 50)]
    pub labels: Option<Vec<String>>,
    /// The caller's own aliases; those from other sources stay.
    #[schema(max_items = 200)]
    pub aliases: Option<Vec<Alias>>,
    /// Since when it holds in the world; null: the caller does not say.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub valid_from: Option<Option<DateTime<Utc>>>,
    /// Until when; null: the caller does not say.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub valid_to: Option<Option<DateTime<Utc>>>,
}

/// Tells null from absent.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

impl EntityChange {
    /// As a patch of this version.
    ///
    /// # Errors
    /// What cannot be written.
    pub(super) fn into_patch(self, current: &Version) -> Result<Patch, Unacceptable> {
        if self.r#type.as_ref().is_some_and(|kind| !TYPES.contains(&kind.as_str())) {
            let problem = "must be one of the model's types, by schema.org's name".to_owned();
            return Err(Unacceptable { field: "type", problem });
        }
        // What comes of it must be acceptable too.
        let mut data = current.content.data.clone();
        crate::graph::patch(&mut data, &self.data);
        check_data("data", &data)?;
        check_labels(self.labels.as_deref().unwrap_or_default())?;
        let aliases = self.aliases.as_deref().unwrap_or_default();
        if aliases.len() > 200 {
            return Err(Unacceptable {
                field: "aliases",
                problem: "must be 200 at most".to_owned(),
            });
        }
        aliases.iter().try_for_each(check_alias)?;
        let from = self.valid_from.unwrap_or(current.content.valid_from);
        check_times(from, self.valid_to.unwrap_or(current.content.valid_to))?;
        let in_order = |mut labels: Vec<String>| {
            labels.sort_unstable();
            labels.dedup();
            labels
        };
        let aliases_in_order = |mut aliases: Vec<Alias>| {
            aliases.sort_unstable();
            aliases.dedup();
            aliases
        };
        Ok(Patch {
            data: self.data,
            r#type: self.r#type,
            space: self.space,
            labels: self.labels.map(in_order),
            aliases: self.aliases.map(aliases_in_order),
            valid_from: self.valid_from.map(|time| time.map(kept)),
            valid_to: self.valid_to.map(|time| time.map(kept)),
        })
    }
}

/// What Postgres keeps of a time.
pub(super) fn kept(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(6)
}
