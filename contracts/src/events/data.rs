//! What the data service publishes: the graph's changes, from which search, rules and the state of now live.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use spine::event::Registry;
use uuid::Uuid;

use crate::access::SpaceId;
use crate::model::{Alias, SourceKey};

/// An entity's version, whole: enough to index it without asking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EntityVersion {
    /// The entity.
    pub entity: Uuid,
    /// Its version, from 1.
    pub version: u32,
    /// Its type, by schema.org's name.
    pub r#type: String,
    /// Where it belongs.
    pub space: SpaceId,
    /// Its properties.
    pub data: Map<String, Value>,
    /// Its labels.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Other names it is recognised by.
    #[serde(default)]
    pub aliases: Vec<Alias>,
    /// Its keys at its sources.
    #[serde(default)]
    pub keys: Vec<SourceKey>,
    /// Since when it holds in the world, where known.
    #[serde(default)]
    pub valid_from: Option<DateTime<Utc>>,
    /// Until when.
    #[serde(default)]
    pub valid_to: Option<DateTime<Utc>>,
    /// Since when it is known here.
    pub recorded_at: DateTime<Utc>,
}

macro_rules! entity_event {
    ($(#[$doc:meta])* $name:ident, $kind:literal { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
        pub struct $name {
            /// The version that holds from now on.
            #[serde(flatten)]
            pub now: EntityVersion,
            $($(#[$field_doc])* pub $field: $type,)*
        }
        event!($name, $kind, "data", |e| format!("entity:{}", e.now.entity), sealed: true);
    };
}

entity_event! {
    /// An entity is known that was not known before. Sealed under the entity.
    EntityCreated, "data.EntityCreated.v1" {}
}
entity_event! {
    /// An entity changed. Sealed under the entity.
    EntityChanged, "data.EntityChanged.v1" {
        /// The names of the properties that differ from the version before, and `labels`, `space`, `aliases`.
        changed: Vec<String>,
    }
}

/// An entity is gone: at its source, or by whoever kept it. Its history stays.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct EntityDeleted {
    /// The entity.
    pub entity: Uuid,
    /// Its last version.
    pub version: u32,
    /// Its type.
    pub r#type: String,
    /// Where it was.
    pub space: SpaceId,
}
event!(EntityDeleted, "data.EntityDeleted.v1", "data", |e| format!("entity:{}", e.entity), sealed: false);

/// An entity's content was erased, in all its versions, and comes back no more from the same sources. Where
/// others had said something of it too, that stays: it is told anew ([`EntityChanged`]).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct EntityErased {
    /// The entity.
    pub entity: Uuid,
    /// SHA-256 of the raw records it was made from, in hex: whoever keeps them drops them.
    pub records: Vec<String>,
    /// The sources that brought those (`connector:<uuid>`): the same content from another source is another's.
    /// None named: whichever.
    #[serde(default)]
    pub sources: Vec<String>,
    /// SHA-256 of the keys that it had at its sources ([`crate::model::SourceKey::digest`]), in hex: nothing that
    /// comes under them is kept any more.
    #[serde(default)]
    pub keys: Vec<String>,
}
event!(EntityErased, "data.EntityErased.v1", "data", |e| format!("entity:{}", e.entity), sealed: false);

/// An edge begins or ends.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct EdgeChanged {
    /// The edge.
    pub edge: Uuid,
    /// From which entity.
    pub from: Uuid,
    /// The relation.
    pub rel: String,
    /// To which entity.
    pub to: Uuid,
    /// Whether it ends.
    pub closed: bool,
}
event!(EdgeChanged, "data.EdgeChanged.v1", "data", |e| format!("entity:{}", e.from), sealed: true);

/// Two entities turned out to be one. Can be undone.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct EntitiesMerged {
    /// Names the merge.
    pub merge: Uuid,
    /// The entity that stays.
    pub kept: Uuid,
    /// The one that became part of it.
    pub absorbed: Uuid,
}
event!(EntitiesMerged, "data.EntitiesMerged.v1", "data", |e| format!("entity:{}", e.kept), sealed: false);

/// A merge was undone: both are by themselves again.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MergeUndone {
    /// Names the merge.
    pub merge: Uuid,
    /// The entity that had stayed.
    pub kept: Uuid,
    /// The one that is by itself again.
    pub restored: Uuid,
}
event!(MergeUndone, "data.MergeUndone.v1", "data", |e| format!("entity:{}", e.kept), sealed: false);

pub(super) fn register(registry: &mut Registry) {
    registry
        .register::<EntityCreated>()
        .register::<EntityChanged>()
        .register::<EntityDeleted>()
        .register::<EntityErased>()
        .register::<EdgeChanged>()
        .register::<EntitiesMerged>()
        .register::<MergeUndone>();
}
