//! The unified model: what every integration lands as, before anything acts on it.
//!
//! Entities and edges have two times: when they hold in the world (`valid_from`, `valid_to`) and when
//! they were known here (`recorded_at`, `superseded_at`). Nothing is overwritten: a change closes the
//! version before. Names of types and properties are schema.org's ([`TYPES`]).

mod limits;

pub use limits::{Unacceptable, check_alias, check_data, check_labels, check_rel, check_times};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::SpaceId;

/// The types of entities, by their names at schema.org.
pub const TYPES: &[&str] = &[
    "Action",
    "Article",
    "AudioObject",
    "BlogPosting",
    "Book",
    "BroadcastEvent",
    "Conversation",
    "CreativeWork",
    "DataFeed",
    "DigitalDocument",
    "EmailMessage",
    "Event",
    "Family",
    "GeoCoordinates",
    "Group",
    "ImageObject",
    "Invoice",
    "ItemList",
    "MediaObject",
    "Message",
    "MusicRecording",
    "NewsArticle",
    "Offer",
    "Order",
    "Organization",
    "Payment",
    "Person",
    "PhoneCall",
    "Place",
    "PodcastEpisode",
    "PostalAddress",
    "Product",
    "Recipe",
    "Reservation",
    "Review",
    "Schedule",
    "Service",
    "SocialMediaPosting",
    "Task",
    "Thing",
    "Trip",
    "Vehicle",
    "VideoObject",
    "WebPage",
    "WebSite",
];

/// The identity of something at its source. The same key is always the same entity.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, ToSchema,
)]
pub struct SourceKey {
    /// The account of a connector (`connector:<uuid>`), a service (`social`), or a person who wrote it down
    /// (`person:<account>`).
    pub source: String,
    /// The kind of record there, such as `calendar.event`.
    pub kind: String,
    /// Its id there.
    pub external_id: String,
}

impl SourceKey {
    /// SHA-256 of it: what is left of a key whose content was erased.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [&self.source, &self.kind, &self.external_id] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.finalize().into()
    }
}

/// Another name by which an entity can be recognised: `tel` (E.164), `email` (lower case), `url`, `uid`, `acct`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, ToSchema,
)]
pub struct Alias {
    /// Which kind of name.
    pub scheme: String,
    /// The name, normalised.
    pub value: String,
}

/// Where an edge leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// An entity, by its id here.
    Entity(Uuid),
    /// An entity, by its key at the source. Where it is not known yet it gets its id at once, and shows
    /// as soon as anything is known of it.
    Key(SourceKey),
    /// Whoever has this alias in the same space; the edge waits until somebody does.
    Alias(Alias),
}

/// An edge as a mapping makes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct EdgeDraft {
    /// What the relation is called, by schema.org's property: `attendee`, `author`, `isPartOf`, `spouse`.
    pub rel: String,
    /// Where it leads.
    pub to: Target,
    /// More about it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub props: Map<String, Value>,
    /// How sure it is, above 0 and up to 1.
    #[serde(default = "certain")]
    pub confidence: f32,
}

fn certain() -> f32 {
    1.0
}

/// Where a fact comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Provenance {
    /// The plugin, service or person that brought it, as [`crate::access::Principal`] writes it.
    pub by: String,
    /// The version of it at the source (ETag, changeKey).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// SHA-256 of the raw record, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// The event that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Uuid>,
    /// The mapping that made it, and its version, as `name@3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<String>,
    /// The consent that it rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Uuid>,
    /// Under which licence it may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// When it changed at the source, where known: of two sources of one entity, the newer word counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_time: Option<DateTime<Utc>>,
}

/// What is to be done with the entity that has this key.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// It is so: made, or changed where it differs.
    #[default]
    Upsert,
    /// It is gone at its source.
    Delete,
}

/// An entity as a mapping makes it from a raw record, with its edges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct EntityDraft {
    /// Its identity at the source.
    pub key: SourceKey,
    /// What is to be done.
    #[serde(default)]
    pub operation: Operation,
    /// Its type, one of [`TYPES`].
    pub r#type: String,
    /// Where it belongs.
    pub space: SpaceId,
    /// Its properties, by schema.org's names.
    pub data: Map<String, Value>,
    /// Its labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Other names it is recognised by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
    /// All its edges from this source: those that it had and that are not here any more are closed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<EdgeDraft>,
    /// Since when it holds in the world; not known where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<DateTime<Utc>>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<DateTime<Utc>>,
    /// Where it comes from.
    pub provenance: Provenance,
}
