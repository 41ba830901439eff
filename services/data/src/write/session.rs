//! One call of [`super::apply`]: the entities it touches, locked and in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use contracts::model::{Alias, EntityDraft, Operation, Provenance, SourceKey, Target};
use spine::Tx;
use uuid::Uuid;

use super::edges::{self, Speaker};
use super::effects::{Effects, publish, recompute_into};
use super::erased::Erased;
use super::state::{State, load};
use super::{Amendment, Intent, Outcome, Written};
use crate::DataError;
use crate::graph::{Contribution, Said, patch};
use crate::store::keys::{KeyColumns, KnownKey};
use crate::store::{aliases, keys};

pub(super) struct Session<'a> {
    tx: &'a mut Tx,
    now: DateTime<Utc>,
    /// Keys that came with the intents: the entity that the source means, and the one it is part of.
    keys: HashMap<SourceKey, (Uuid, Uuid)>,
    erased: Erased,
    /// Keys under which nothing new is said.
    settled: HashMap<SourceKey, Uuid>,
    entities: HashMap<Uuid, State>,
    /// Contributions that changed.
    touched: BTreeSet<i64>,
    /// Contributions that changed only in where they come from.
    refreshed: BTreeSet<i64>,
    speakers: BTreeMap<i64, Speaker>,
}

impl<'a> Session<'a> {
    /// Makes the keys known, takes the entities' locks and reads them.
    pub(super) async fn open(tx: &'a mut Tx, intents: &[Intent]) -> Result<Self, DataError> {
        // Postgres keeps microseconds: events must say what the rows say.
        let now = tx.spine().clock().now().trunc_subsecs(6);
        let erased = Erased::among(tx, intents).await?;
        let settled = settled(tx, intents, &erased).await?;
        let wanted = wanted(intents, &erased, &settled);
        let columns: KeyColumns = wanted.keys().collect();
        let proposed: Vec<Uuid> = wanted.values().copied().collect();
        if !proposed.is_empty() {
            keys::ensure(tx.conn(), &columns, &proposed).await?;
        }
        // What is gone at its source is looked up, not made.
        let gone = intents.iter().filter_map(|intent| match intent {
            Intent::Say { draft, .. } if draft.operation == Operation::Delete => Some(&draft.key),
            _ => None,
        });
        let columns: KeyColumns =
            wanted.keys().chain(gone).collect::<BTreeSet<_>>().into_iter().collect();
        let known = keys::known(tx.conn(), &columns).await?;
        let by_key: HashMap<SourceKey, (Uuid, Uuid)> =
            known.into_iter().map(|known| (known.key, (known.entity, known.root))).collect();
        let written = written_entities(intents, &by_key, &settled);
        let entities = load(tx, &written).await?;
        Ok(Self {
            tx,
            now,
            keys: by_key,
            erased,
            settled,
            entities,
            touched: BTreeSet::new(),
            refreshed: BTreeSet::new(),
            speakers: BTreeMap::new(),
        })
    }

    /// Does what is wanted and writes it down.
    pub(super) async fn run(mut self, intents: Vec<Intent>) -> Result<Vec<Written>, DataError> {
        let mut written = Vec::with_capacity(intents.len());
        for intent in intents {
            written.push(match intent {
                Intent::Say { draft, hash, .. } => self.say(*draft, hash),
                Intent::Amend(amendment) => self.amend(*amendment),
                Intent::Close { entity, seen } => self.close(entity, seen),
            });
        }
        let mut effects = Effects::default();
        let mut outcomes = HashMap::new();
        let mut dirty: Vec<(&Uuid, &State)> =
            self.entities.iter().filter(|(_, state)| state.dirty).collect();
        dirty.sort_unstable_by_key(|(root, _)| **root);
        for (root, state) in dirty {
            let outcome = recompute_into(
                *root,
                state.last_version,
                state.current.as_ref(),
                &state.contributions,
                state.moved.as_ref(),
                self.now,
                &mut effects,
            );
            outcomes.insert(*root, outcome);
        }
        self.save(&mut effects).await?;
        for one in &mut written {
            if matches!(one.outcome, Outcome::Changed | Outcome::Deleted) {
                one.outcome = outcomes.get(&one.entity).copied().unwrap_or(Outcome::Unchanged);
            }
        }
        Ok(written)
    }

    fn say(&mut self, draft: EntityDraft, hash: Vec<u8>) -> Written {
        let gone = Written { entity: Uuid::nil(), outcome: Outcome::Gone };
        if self.erased.refuses(&draft) {
            return gone;
        }
        if let Some(root) = self.settled.get(&draft.key) {
            return Written { entity: *root, outcome: Outcome::Unchanged };
        }
        let Some((_, root)) = self.keys.get(&draft.key).copied() else {
            return Written { outcome: Outcome::Unchanged, ..gone };
        };
        let Some(state) = self.entities.get_mut(&root).filter(|state| !state.erased) else {
            return gone;
        };
        let Some(contribution) = state.contributions.iter_mut().find(|c| c.key == draft.key) else {
            return gone;
        };
        let answer = |outcome| Written { entity: root, outcome };
        let event = draft.provenance.event;
        if event.is_some() && event < contribution.event {
            return answer(Outcome::Outdated);
        }
        match draft.operation {
            Operation::Delete => {
                contribution.hash = None;
                contribution.event = event.or(contribution.event);
                self.touched.insert(contribution.key_id);
                if !contribution.live {
                    return answer(Outcome::Unchanged);
                }
                contribution.live = false;
                state.dirty = true;
                self.speakers.insert(contribution.key_id, Speaker::silent(contribution));
                answer(Outcome::Deleted)
            }
            Operation::Upsert if contribution.hash.as_ref() == Some(&hash) => {
                if let Some(said) = &mut contribution.said
                    && !same_origin(&said.provenance, &draft.provenance)
                {
                    said.provenance = draft.provenance;
                    contribution.event = event.or(contribution.event);
                    self.refreshed.insert(contribution.key_id);
                }
                answer(Outcome::Unchanged)
            }
            Operation::Upsert => {
                contribution.live = true;
                contribution.hash = Some(hash);
                contribution.event = event.or(contribution.event);
                let speaker = Speaker::of(contribution, &draft);
                self.speakers.insert(contribution.key_id, speaker);
                contribution.said = Some(said(draft, self.now));
                self.touched.insert(contribution.key_id);
                state.dirty = true;
                answer(Outcome::Changed)
            }
        }
    }

    fn amend(&mut self, amendment: Amendment) -> Written {
        let root = amendment.entity;
        let answer = |outcome| Written { entity: root, outcome };
        if self.erased.closes(&amendment) {
            return answer(Outcome::Gone);
        }
        let Some(state) = self.entities.get_mut(&root) else { return answer(Outcome::Gone) };
        let Some(current) = state.current.as_ref().filter(|_| !state.erased) else {
            return answer(Outcome::Gone);
        };
        if current.version != amendment.seen {
            return answer(Outcome::ChangedMeanwhile);
        }
        let newest = state.contributions.iter().filter_map(|c| c.said.as_ref()).map(|s| s.said_at);
        // A person's word is the newest one, however the clocks of sources go.
        let after_all = newest.max().map(|newest| newest + TimeDelta::microseconds(1));
        let said_at = after_all.map_or(self.now, |after_all| after_all.max(self.now));
        let Some(contribution) = state.contributions.iter_mut().find(|c| c.key == amendment.key)
        else {
            return answer(Outcome::Gone);
        };
        let mut said =
            contribution.said.take().filter(|_| contribution.live).unwrap_or_else(|| Said {
                r#type: current.content.r#type.clone(),
                space: current.content.space.clone(),
                data: serde_json::Map::new(),
                labels: Vec::new(),
                aliases: Vec::new(),
                valid_from: None,
                valid_to: None,
                said_at,
                provenance: Provenance::default(),
            });
        let change = amendment.patch;
        patch(&mut said.data, &change.data);
        said.said_at = said_at;
        said.provenance = amendment.provenance;
        said.r#type = change.r#type.unwrap_or(said.r#type);
        said.labels = change.labels.unwrap_or(said.labels);
        said.aliases = change.aliases.unwrap_or(said.aliases);
        said.valid_from = change.valid_from.unwrap_or(said.valid_from);
        said.valid_to = change.valid_to.unwrap_or(said.valid_to);
        if let Some(space) = change.space {
            said.space = space.clone();
            state.moved = Some(space);
        }
        contribution.said = Some(said);
        contribution.live = true;
        // Not the fingerprint of any draft.
        contribution.hash = Some(Vec::new());
        self.touched.insert(contribution.key_id);
        state.dirty = true;
        answer(Outcome::Changed)
    }

    fn close(&mut self, root: Uuid, seen: i32) -> Written {
        let answer = |outcome| Written { entity: root, outcome };
        let Some(state) = self.entities.get_mut(&root) else { return answer(Outcome::Gone) };
        match &state.current {
            None => return answer(Outcome::Gone),
            Some(current) if current.version != seen => return answer(Outcome::ChangedMeanwhile),
            Some(_) => {}
        }
        for contribution in state.contributions.iter_mut().filter(|c| c.live) {
            // The fingerprint stays: saying the same again does not bring it back.
            contribution.live = false;
            self.touched.insert(contribution.key_id);
            self.speakers.insert(contribution.key_id, Speaker::silent(contribution));
        }
        state.dirty = true;
        answer(Outcome::Deleted)
    }

    /// Writes all of it.
    async fn save(self, effects: &mut Effects) -> Result<(), DataError> {
        let all = self.entities.values().flat_map(|state| &state.contributions);
        let by_id: HashMap<i64, &Contribution> = all.map(|c| (c.key_id, c)).collect();
        let of = |ids: &BTreeSet<i64>| ids.iter().filter_map(|id| by_id.get(id).copied()).collect();
        let touched: Vec<&Contribution> = of(&self.touched);
        let refreshed: Vec<&Contribution> = of(&self.refreshed);
        let saved: Vec<&Contribution> = of(&(&self.touched | &self.refreshed));
        if !saved.is_empty() {
            keys::save(self.tx.conn(), &saved).await?;
        }
        for contribution in refreshed {
            let root = self.keys.get(&contribution.key).map(|(_, root)| *root);
            let state = root.and_then(|root| self.entities.get(&root));
            if let (Some(said), Some(current)) =
                (&contribution.said, state.and_then(|state| state.current.as_ref()))
            {
                effects.origins.push(
                    current.id,
                    current.version,
                    &contribution.key,
                    &said.provenance,
                );
            }
        }
        if !touched.is_empty() {
            aliases::replace(self.tx.conn(), &touched).await?;
        }
        let appeared: Vec<(Alias, String)> = touched
            .iter()
            .filter(|contribution| contribution.live)
            .filter_map(|contribution| contribution.said.as_ref())
            .flat_map(|said| said.aliases.iter().map(|a| (a.clone(), said.space.to_string())))
            .collect();
        let speakers: Vec<Speaker> = self.speakers.into_values().collect();
        let targets = self.keys.into_iter().map(|(key, (entity, _))| (key, entity)).collect();
        let mut written = std::mem::take(effects);
        edges::rewrite(self.tx, self.now, speakers, &targets, appeared, &mut written.origins)
            .await?;
        publish(self.tx, written, self.now).await
    }
}

/// Whether two drafts come from the same record, the event apart.
fn same_origin(one: &Provenance, other: &Provenance) -> bool {
    let without_event = |provenance: &Provenance| Provenance { event: None, ..provenance.clone() };
    without_event(one) == without_event(other)
}

fn said(draft: EntityDraft, now: DateTime<Utc>) -> Said {
    Said {
        r#type: draft.r#type,
        space: draft.space,
        data: draft.data,
        labels: draft.labels,
        aliases: draft.aliases,
        valid_from: draft.valid_from,
        valid_to: draft.valid_to,
        // A clock that is ahead does not make a word count for longer than it is the newest.
        said_at: draft.provenance.source_time.unwrap_or(now).min(now),
        provenance: draft.provenance,
    }
}

/// The keys that come once and under which exactly this was said before: nothing to do, no lock to take.
async fn settled(
    tx: &mut Tx,
    intents: &[Intent],
    erased: &Erased,
) -> Result<HashMap<SourceKey, Uuid>, DataError> {
    let mut drafts: HashMap<&SourceKey, Option<(&EntityDraft, &Vec<u8>)>> = HashMap::new();
    for intent in intents {
        if let Intent::Say { draft, hash, .. } = intent
            && !erased.refuses(draft)
        {
            drafts.entry(&draft.key).and_modify(|many| *many = None).or_insert(Some((draft, hash)));
        }
    }
    if drafts.is_empty() {
        return Ok(HashMap::new());
    }
    let columns: KeyColumns = drafts.keys().copied().collect();
    let known = keys::known(tx.conn(), &columns).await?;
    let is_settled = |known: &KnownKey| {
        let Some(Some((draft, hash))) = drafts.get(&known.key) else { return false };
        let origin = known.provenance.as_ref();
        draft.operation == Operation::Upsert
            && known.live
            && known.hash.as_ref() == Some(hash)
            && origin.is_some_and(|origin| same_origin(origin, &draft.provenance))
    };
    Ok(known.into_iter().filter(is_settled).map(|known| (known.key, known.root)).collect())
}

/// The keys that must have an entity, in their order, each with the entity that it gets if it has none.
fn wanted(
    intents: &[Intent],
    erased: &Erased,
    settled: &HashMap<SourceKey, Uuid>,
) -> BTreeMap<SourceKey, Uuid> {
    let mut wanted: BTreeMap<SourceKey, Uuid> = BTreeMap::new();
    for intent in intents {
        match intent {
            Intent::Say { draft, id, .. }
                if draft.operation == Operation::Upsert
                    && !settled.contains_key(&draft.key)
                    && !erased.refuses(draft) =>
            {
                let entity = id.unwrap_or_else(Uuid::now_v7);
                wanted.entry(draft.key.clone()).or_insert(entity);
                for edge in &draft.edges {
                    if let Target::Key(key) = &edge.to {
                        wanted.entry(key.clone()).or_insert_with(Uuid::now_v7);
                    }
                }
            }
            Intent::Amend(amendment) if !erased.closes(amendment) => {
                wanted.insert(amendment.key.clone(), amendment.entity);
            }
            Intent::Say { .. } | Intent::Amend(_) | Intent::Close { .. } => {}
        }
    }
    wanted.retain(|key, _| !erased.is_erased(key));
    wanted
}

/// The entities that the intents write.
fn written_entities(
    intents: &[Intent],
    keys: &HashMap<SourceKey, (Uuid, Uuid)>,
    settled: &HashMap<SourceKey, Uuid>,
) -> Vec<Uuid> {
    let roots: BTreeSet<Uuid> = intents
        .iter()
        .filter_map(|intent| match intent {
            Intent::Say { draft, .. } if settled.contains_key(&draft.key) => None,
            Intent::Say { draft, .. } => keys.get(&draft.key).map(|(_, root)| *root),
            Intent::Amend(amendment) => Some(amendment.entity),
            Intent::Close { entity, .. } => Some(*entity),
        })
        .collect();
    roots.into_iter().collect()
}
