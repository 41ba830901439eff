//! What follows for versions, the change feed and the events when what sources say has changed.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use contracts::events::data::{EntityChanged, EntityCreated, EntityDeleted};
use spine::{JobOptions, Tx};
use uuid::Uuid;

use super::Outcome;
use super::state::load;
use crate::DataError;
use crate::graph::{Contribution, Version, differences, together};
use crate::resolution::{self, ResolveIdentities};
use crate::store::changes::{Change, ChangeKind};
use crate::store::entities::Origins;
use crate::store::{changes, entities};

/// What follows for the graph's versions.
#[derive(Default)]
pub(crate) struct Effects {
    closed: Vec<Uuid>,
    versions: Vec<Version>,
    /// For each of `versions`: what changed; none where it is new.
    changed: Vec<Option<Vec<String>>>,
    deleted: Vec<EntityDeleted>,
    changes: Vec<Change>,
    pub(crate) origins: Origins,
    /// Entities that may be the same as others from now on.
    resolve: Vec<Uuid>,
}

/// Takes together what is said of these entities, as it stands in the database now.
pub(crate) async fn recompute(
    tx: &mut Tx,
    roots: &[Uuid],
    now: DateTime<Utc>,
) -> Result<Effects, DataError> {
    let states = load(tx, roots).await?;
    // One that holds no more comes back where it was.
    let last: HashMap<Uuid, Version> =
        entities::newest(tx.conn(), roots).await?.into_iter().map(|v| (v.id, v)).collect();
    let mut effects = Effects::default();
    for root in roots {
        let Some(state) = states.get(root) else { continue };
        let place = last.get(root).map(|version| &version.content.space);
        let agreed = state.contributions.iter().filter(|c| c.live).filter_map(|c| c.said.as_ref());
        let several = agreed.map(|said| &said.space).collect::<BTreeSet<_>>().len() > 1;
        let moved = place.filter(|_| several);
        recompute_into(
            *root,
            state.last_version,
            state.current.as_ref(),
            &state.contributions,
            moved,
            now,
            &mut effects,
        );
    }
    Ok(effects)
}

/// Tells these entities anew, without some words about them and outside of a space that is erased: also
/// those of which nothing else changed, because what was told of them before becomes unreadable.
pub(crate) async fn retell(
    tx: &mut Tx,
    roots: &[Uuid],
    without: &HashSet<i64>,
    outside: Option<&SpaceId>,
    now: DateTime<Utc>,
) -> Result<Effects, DataError> {
    let mut effects = Effects::default();
    for (root, mut state) in load(tx, roots).await? {
        state.contributions.retain(|contribution| !without.contains(&contribution.key_id));
        let said = |contribution: &Contribution| {
            let said = contribution.said.as_ref().filter(|_| contribution.live)?;
            Some((said.said_at, said.space.clone()))
        };
        let place = state.current.as_ref().map(|version| &version.content.space);
        let moved = match place == outside {
            true => state.contributions.iter().filter_map(said).max().map(|(_, space)| space),
            false => None,
        };
        let current = state.current.as_ref();
        let outcome = recompute_into(
            root,
            state.last_version,
            current,
            &state.contributions,
            moved.as_ref(),
            now,
            &mut effects,
        );
        if let (Outcome::Unchanged, Some(current)) = (outcome, current) {
            effects.tell(
                Version {
                    version: state.last_version + 1,
                    recorded_at: now,
                    superseded_at: None,
                    ..current.clone()
                },
                ChangeKind::Changed,
                &state.contributions,
            );
            effects.closed.push(root);
            effects.changed.push(Some(Vec::new()));
        }
    }
    Ok(effects)
}

impl Effects {
    /// A version, and where it comes from.
    fn tell(&mut self, version: Version, kind: ChangeKind, contributions: &[Contribution]) {
        for contribution in contributions.iter().filter(|contribution| contribution.live) {
            if let Some(said) = &contribution.said {
                self.origins.push(version.id, version.version, &contribution.key, &said.provenance);
            }
        }
        self.changes.push(change(&version, kind));
        self.versions.push(version);
    }
}

pub(super) fn recompute_into(
    root: Uuid,
    last_version: i32,
    current: Option<&Version>,
    contributions: &[Contribution],
    moved: Option<&SpaceId>,
    now: DateTime<Utc>,
    effects: &mut Effects,
) -> Outcome {
    let place = current.map(|version| &version.content.space);
    let Some(content) = together(contributions, place, moved) else {
        let Some(current) = current else { return Outcome::Unchanged };
        effects.closed.push(root);
        effects.changes.push(change(current, ChangeKind::Deleted));
        effects.deleted.push(EntityDeleted {
            entity: root,
            version: current.number(),
            r#type: current.content.r#type.clone(),
            space: current.content.space.clone(),
        });
        return Outcome::Deleted;
    };
    let changed = current.map(|current| differences(&current.content, &content));
    if changed.as_ref().is_some_and(Vec::is_empty) {
        return Outcome::Unchanged;
    }
    let version = Version {
        id: root,
        version: last_version + 1,
        content,
        recorded_at: now,
        superseded_at: None,
    };
    if resolution::may_be_another(&version.content, changed.as_deref()) {
        effects.resolve.push(root);
    }
    let outcome = match current {
        Some(current) => {
            effects.closed.push(root);
            let (before, after) = (&current.content, &version.content);
            if before.space != after.space || before.labels != after.labels {
                // Those who saw it where it was learn that it is there no more.
                effects.changes.push(change(current, ChangeKind::Deleted));
            }
            effects.tell(version, ChangeKind::Changed, contributions);
            Outcome::Changed
        }
        None => {
            effects.tell(version, ChangeKind::Created, contributions);
            Outcome::Created
        }
    };
    effects.changed.push(changed);
    outcome
}

fn change(version: &Version, kind: ChangeKind) -> Change {
    Change {
        entity: version.id,
        version: version.version,
        kind,
        class: version.content.r#type.clone(),
        space: version.content.space.clone(),
        labels: version.content.labels.clone(),
    }
}

/// Writes versions and changes, and records their events.
pub(crate) async fn publish(
    tx: &mut Tx,
    effects: Effects,
    now: DateTime<Utc>,
) -> Result<(), DataError> {
    if !effects.closed.is_empty() {
        entities::close(tx.conn(), &effects.closed, now).await?;
    }
    if !effects.versions.is_empty() {
        entities::insert(tx.conn(), &effects.versions).await?;
    }
    entities::save_origins(tx.conn(), &effects.origins).await?;
    if !effects.changes.is_empty() {
        changes::append(tx.conn(), &effects.changes, now).await?;
    }
    for (version, changed) in effects.versions.iter().zip(effects.changed) {
        let now = version.as_event();
        match changed {
            Some(changed) => tx.record(&EntityChanged { now, changed })?,
            None => tx.record(&EntityCreated { now })?,
        };
    }
    for deleted in &effects.deleted {
        tx.record(deleted)?;
    }
    if let Some(first) = effects.resolve.first() {
        // Versions only rise: no other job of this cause has this part.
        let version = effects.versions.iter().find(|version| version.id == *first);
        let part = format!("{first}@{}", version.map_or(0, |version| version.version));
        let job = ResolveIdentities { entities: effects.resolve };
        tx.schedule_with(&job, JobOptions::default().part(part))?;
    }
    Ok(())
}
