//! What somebody wants to be so.

use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use contracts::model::{Alias, EntityDraft, Provenance, SourceKey};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Something to be written.
#[derive(Clone, Debug)]
pub(crate) enum Intent {
    /// A source says this.
    Say {
        draft: Box<EntityDraft>,
        /// The entity's id, where its key is new.
        id: Option<Uuid>,
        /// The draft's fingerprint; set by [`super::apply`].
        hash: Vec<u8>,
    },
    /// Somebody changes some of an entity.
    Amend(Box<Amendment>),
    /// Somebody removes an entity, whatever its sources say. One that says something new brings it back.
    Close {
        entity: Uuid,
        /// The version that was seen.
        seen: i32,
    },
}

impl Intent {
    /// A source says this.
    pub(crate) fn say(draft: EntityDraft) -> Self {
        Self::Say { draft: Box::new(draft), id: None, hash: Vec::new() }
    }

    /// A source says this of a new entity with this id.
    pub(crate) fn make(draft: EntityDraft, id: Uuid) -> Self {
        Self::Say { draft: Box::new(draft), id: Some(id), hash: Vec::new() }
    }
}

/// A change of an entity.
#[derive(Clone, Debug)]
pub(crate) struct Amendment {
    pub(crate) entity: Uuid,
    /// The version that was seen.
    pub(crate) seen: i32,
    /// Where the entity is.
    pub(crate) space: SpaceId,
    /// The aliases that may become known by it where the entity is, or where it is moved to.
    pub(crate) aliases: Vec<Alias>,
    /// The key under which the person's own word is kept.
    pub(crate) key: SourceKey,
    pub(crate) patch: Patch,
    pub(crate) provenance: Provenance,
}

/// What changes; absent parts stay.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patch {
    /// Properties; null: there is none.
    pub(crate) data: Map<String, Value>,
    pub(crate) r#type: Option<String>,
    pub(crate) space: Option<SpaceId>,
    /// The person's own labels and aliases; what other sources give stays.
    pub(crate) labels: Option<Vec<String>>,
    pub(crate) aliases: Option<Vec<Alias>>,
    pub(crate) valid_from: Option<Option<DateTime<Utc>>>,
    pub(crate) valid_to: Option<Option<DateTime<Utc>>>,
}
