//! What was erased, and does not come back.

use std::collections::{HashMap, HashSet};

use contracts::access::SpaceId;
use contracts::model::{EntityDraft, SourceKey, Target};
use spine::Tx;

use super::{Amendment, Intent};
use crate::DataError;
use crate::erase::{source_hash, space_hash};
use crate::graph::key_hash;
use crate::store::keys;

/// What some intents name that was erased.
#[derive(Default)]
pub(super) struct Erased {
    keys: HashSet<SourceKey>,
    sources: HashSet<String>,
    spaces: HashSet<SpaceId>,
}

enum Named<'a> {
    Key(&'a SourceKey),
    Source(&'a str),
    Space(&'a SpaceId),
}

impl Erased {
    /// Looks it up.
    pub(super) async fn among(tx: &mut Tx, intents: &[Intent]) -> Result<Self, DataError> {
        let mut named = Names::default();
        for intent in intents {
            match intent {
                Intent::Say { draft, .. } => {
                    named.space(&draft.space);
                    named.key(&draft.key);
                    for edge in &draft.edges {
                        if let Target::Key(key) = &edge.to {
                            named.key(key);
                        }
                    }
                }
                Intent::Amend(amendment) => {
                    named.space(&amendment.space);
                    amendment.patch.space.iter().for_each(|space| named.space(space));
                }
                Intent::Close { .. } => {}
            }
        }
        let mut erased = Self::default();
        if named.by_hash.is_empty() {
            return Ok(erased);
        }
        let hashes: Vec<Vec<u8>> = named.by_hash.keys().cloned().collect();
        for hash in keys::erased(tx.conn(), &hashes).await? {
            match named.by_hash.get(&hash) {
                Some(Named::Key(key)) => drop(erased.keys.insert((*key).clone())),
                Some(Named::Source(source)) => drop(erased.sources.insert((*source).to_owned())),
                Some(Named::Space(space)) => drop(erased.spaces.insert((*space).clone())),
                None => {}
            }
        }
        Ok(erased)
    }

    /// Whether nothing is kept under this key.
    pub(super) fn is_erased(&self, key: &SourceKey) -> bool {
        self.keys.contains(key) || self.sources.contains(&key.source)
    }

    /// Whether nothing of this is kept.
    pub(super) fn refuses(&self, draft: &EntityDraft) -> bool {
        self.is_erased(&draft.key) || self.spaces.contains(&draft.space)
    }

    /// Whether the entity is about to go, or would be moved to where nothing is kept.
    pub(super) fn closes(&self, amendment: &Amendment) -> bool {
        let mut spaces = amendment.patch.space.iter().chain([&amendment.space]);
        spaces.any(|space| self.spaces.contains(space))
    }
}

#[derive(Default)]
struct Names<'a> {
    by_hash: HashMap<Vec<u8>, Named<'a>>,
    sources: HashSet<&'a str>,
    spaces: HashSet<&'a SpaceId>,
}

impl<'a> Names<'a> {
    fn key(&mut self, key: &'a SourceKey) {
        self.by_hash.insert(key_hash(key), Named::Key(key));
        if self.sources.insert(&key.source) {
            self.by_hash.insert(source_hash(&key.source), Named::Source(&key.source));
        }
    }

    fn space(&mut self, space: &'a SpaceId) {
        if self.spaces.insert(space) {
            self.by_hash.insert(space_hash(space), Named::Space(space));
        }
    }
}
