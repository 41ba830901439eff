//! What becomes of each entity of which something is forgotten.

use std::collections::{HashMap, HashSet};

use contracts::access::SpaceId;
use spine::Tx;
use uuid::Uuid;

use super::Scope;
use crate::DataError;
use crate::graph::{Contribution, Version};
use crate::store::erase::{self, Member};
use crate::store::{entities, keys};

/// What becomes of some entities.
#[derive(Default)]
pub(super) struct Plan {
    /// Of these nothing stays.
    pub(super) whole: Vec<Member>,
    /// Of these some words go.
    pub(super) partly: Vec<Member>,
    /// These were moved out of the space that is erased: that they were there is forgotten.
    pub(super) moved: Vec<Member>,
    /// All words that go.
    pub(super) gone: Vec<Contribution>,
    /// What sources said in that space of what was moved out of it, as far as it was moved with it.
    pub(super) settled: Vec<Contribution>,
    /// The newest version of each entity.
    pub(super) newest: HashMap<Uuid, Version>,
    /// Nobody is left who would have to be told of each one.
    pub(super) quietly: bool,
    whole_roots: HashSet<Uuid>,
    roots: HashMap<Uuid, Uuid>,
}

enum Fate {
    Whole,
    Partly,
    Moved,
}

impl Plan {
    /// Reads and locks these entities.
    pub(super) async fn of(tx: &mut Tx, scope: &Scope, roots: &[Uuid]) -> Result<Self, DataError> {
        let locked = keys::lock(tx.conn(), roots).await?;
        let roots: Vec<Uuid> =
            locked.into_iter().filter(|root| !root.erased).map(|root| root.id).collect();
        let members = erase::members(tx.conn(), &roots).await?;
        let mut words: HashMap<Uuid, Vec<Contribution>> = HashMap::new();
        for (root, contribution) in keys::contributions(tx.conn(), &roots).await? {
            words.entry(root).or_default().push(contribution);
        }
        let newest = entities::newest(tx.conn(), &roots).await?;
        let mut plan = Self {
            newest: newest.into_iter().map(|version| (version.id, version)).collect(),
            quietly: scope.space().is_some(),
            roots: members.iter().map(|member| (member.id, member.root)).collect(),
            ..Self::default()
        };
        let mut fates = HashMap::new();
        for root in roots {
            let fate = plan.decide(scope, root, words.remove(&root).unwrap_or_default());
            if matches!(fate, Fate::Whole) {
                plan.whole_roots.insert(root);
            }
            fates.insert(root, fate);
        }
        for member in members {
            match fates.get(&member.root) {
                Some(Fate::Whole) => plan.whole.push(member),
                Some(Fate::Partly) => plan.partly.push(member),
                Some(Fate::Moved) => plan.moved.push(member),
                None => {}
            }
        }
        Ok(plan)
    }

    fn decide(&mut self, scope: &Scope, root: Uuid, words: Vec<Contribution>) -> Fate {
        if let Some(space) = scope.space()
            && let Some(newest) = self.newest.get(&root)
            && newest.content.space != *space
        {
            self.settled.extend(words.into_iter().filter_map(|word| settled(word, newest, space)));
            return Fate::Moved;
        }
        let goes = |word: &Contribution| match scope {
            Scope::Entity(_) => true,
            Scope::Keys(keys) => keys.contains(&word.key),
            Scope::Source(source) => word.key.source == *source,
            Scope::Space(space) => word.said.as_ref().is_none_or(|said| said.space == *space),
        };
        let whole = !words.iter().any(|word| !goes(word) && says_something(word));
        self.gone.extend(words.into_iter().filter(|word| whole || goes(word)));
        if whole { Fate::Whole } else { Fate::Partly }
    }

    pub(super) fn is_whole(&self, root: Uuid) -> bool {
        self.whole_roots.contains(&root)
    }

    /// The entity that this is part of.
    pub(super) fn root_of(&self, member: Uuid) -> Option<Uuid> {
        self.roots.get(&member).copied()
    }

    pub(super) fn gone_ids(&self) -> HashSet<i64> {
        self.gone.iter().map(|word| word.key_id).collect()
    }

    /// The keys that go of entities that stay.
    pub(super) fn gone_in_part(&self) -> impl Iterator<Item = i64> {
        let stays = |word: &&Contribution| {
            self.root_of(word.entity).is_some_and(|root| !self.is_whole(root))
        };
        self.gone.iter().filter(stays).map(|word| word.key_id)
    }

    /// What was moved, and to where.
    pub(super) fn places(&self) -> impl Iterator<Item = (Uuid, String)> {
        let place = |member: &Member| {
            let newest: &SpaceId = &self.newest.get(&member.root)?.content.space;
            Some((member.id, newest.to_string()))
        };
        self.moved.iter().filter_map(place)
    }
}

/// A word that was said in this space of an entity that is elsewhere now: it is there too, without what nobody
/// sees there.
fn settled(mut word: Contribution, newest: &Version, space: &SpaceId) -> Option<Contribution> {
    let said = word.said.as_mut().filter(|said| said.space == *space)?;
    let shown = &newest.content;
    said.space = shown.space.clone();
    said.data.retain(|name, value| value.is_null() || shown.data.get(name) == Some(value));
    said.labels.retain(|label| shown.labels.contains(label));
    Some(word)
}

/// Whether a source's word is worth keeping an entity for.
fn says_something(word: &Contribution) -> bool {
    word.said.as_ref().is_some_and(|said| {
        !said.data.is_empty() || !said.labels.is_empty() || !said.aliases.is_empty()
    })
}
