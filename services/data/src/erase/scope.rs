//! What is to be forgotten.

use contracts::access::SpaceId;
use contracts::model::SourceKey;
use serde::{Deserialize, Serialize};
use spine::Snowflake;
use uuid::Uuid;

use crate::graph::key_hash;

/// What is to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// An entity, whoever says something of it, and all that became part of it.
    Entity(Uuid),
    /// What sources say under these keys.
    Keys(Vec<SourceKey>),
    /// All that a source says.
    Source(String),
    /// All that is in a space, and that it was there.
    Space(SpaceId),
}

impl Scope {
    /// What goes with a subject of the ledger whose keys were destroyed.
    pub(crate) fn of_subject(subject: &str) -> Option<Self> {
        let (kind, id) = subject.split_once(':')?;
        match kind {
            "entity" => id.parse().ok().map(Self::Entity),
            "account" => id.parse::<Snowflake>().ok().map(SpaceId::of_person).map(Self::Space),
            "connector" => id.parse::<Uuid>().is_ok().then(|| Self::Source(subject.to_owned())),
            "message" | "call" | "conversation" => {
                let id: Uuid = id.parse().ok()?;
                Some(Self::Keys(vec![SourceKey {
                    source: "communication".to_owned(),
                    kind: kind.to_owned(),
                    external_id: id.to_string(),
                }]))
            }
            _ => None,
        }
    }

    /// The hashes by which writers learn that nothing of it comes back; of an entity, each of its keys has its
    /// own.
    pub(super) fn hashes(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Entity(_) => Vec::new(),
            Self::Keys(keys) => keys.iter().map(key_hash).collect(),
            Self::Source(source) => vec![source_hash(source)],
            Self::Space(space) => vec![space_hash(space)],
        }
    }

    /// Whether the keys of what goes whole are each kept from coming back.
    pub(super) fn keeps_away_each_key(&self) -> bool {
        matches!(self, Self::Entity(_))
    }

    /// The space, where it is one.
    pub(super) fn space(&self) -> Option<&SpaceId> {
        match self {
            Self::Space(space) => Some(space),
            _ => None,
        }
    }
}

/// The hash of a whole source: that of a key which no draft can have, because its other parts are empty.
pub(crate) fn source_hash(source: &str) -> Vec<u8> {
    let (kind, external_id) = (String::new(), String::new());
    key_hash(&SourceKey { source: source.to_owned(), kind, external_id })
}

/// The hash of a whole space, of the same kind.
pub(crate) fn space_hash(space: &SpaceId) -> Vec<u8> {
    let (source, kind) = (String::new(), String::new());
    key_hash(&SourceKey { source, kind, external_id: space.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_of_the_ledger_say_what_goes_with_them() {
        let id = "0191d7a0-0000-7000-8000-000000000001";
        let of = |kind: &str| Scope::of_subject(&format!("{kind}:{id}"));
        assert_eq!(of("entity"), Some(Scope::Entity(id.parse().unwrap())));
        assert_eq!(of("connector"), Some(Scope::Source(format!("connector:{id}"))));
        assert!(matches!(of("message"), Some(Scope::Keys(keys)) if keys[0].external_id == id));
        let space = "person:12".parse().unwrap();
        assert_eq!(Scope::of_subject("account:12"), Some(Scope::Space(space)));
        for other in ["https://a.example/1", "device:1", "account:x", "entity:", "entity"] {
            assert_eq!(Scope::of_subject(other), None, "{other}");
        }
    }
}
