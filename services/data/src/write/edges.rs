//! The edges of what was written: compared with those that the same source held before.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use contracts::events::data::EdgeChanged;
use contracts::model::{Alias, EdgeDraft, EntityDraft, Provenance, SourceKey, Target};
use spine::Tx;
use uuid::Uuid;

use crate::DataError;
use crate::graph::Contribution;
use crate::store::aliases::{self, Holder};
use crate::store::edges::{self, Edge, Pending, Taken};
use crate::store::entities::Origins;
use crate::store::keys;

/// A key whose source says anew which edges there are.
#[derive(Debug)]
pub(super) struct Speaker {
    key_id: i64,
    key: SourceKey,
    entity: Uuid,
    space: Option<SpaceId>,
    edges: Vec<EdgeDraft>,
    valid_from: Option<DateTime<Utc>>,
    valid_to: Option<DateTime<Utc>>,
    provenance: Provenance,
}

impl Speaker {
    /// One that says this.
    pub(super) fn of(contribution: &Contribution, draft: &EntityDraft) -> Self {
        Self {
            space: Some(draft.space.clone()),
            edges: draft.edges.clone(),
            valid_from: draft.valid_from,
            valid_to: draft.valid_to,
            provenance: draft.provenance.clone(),
            ..Self::silent(contribution)
        }
    }

    /// One that says nothing any more.
    pub(super) fn silent(contribution: &Contribution) -> Self {
        Self {
            key_id: contribution.key_id,
            key: contribution.key.clone(),
            entity: contribution.entity,
            space: None,
            edges: Vec::new(),
            valid_from: None,
            valid_to: None,
            provenance: Provenance::default(),
        }
    }
}

/// Brings the edges of these keys to what their sources say, and makes those that waited for the aliases
/// that appeared.
pub(super) async fn rewrite(
    tx: &mut Tx,
    now: DateTime<Utc>,
    speakers: Vec<Speaker>,
    targets: &HashMap<SourceKey, Uuid>,
    appeared: Vec<(Alias, String)>,
    origins: &mut Origins,
) -> Result<(), DataError> {
    let ids: Vec<i64> = speakers.iter().map(|speaker| speaker.key_id).collect();
    let mut closed = Vec::new();
    let mut made = Vec::new();
    if !ids.is_empty() {
        let held = edges::of_keys(tx.conn(), &ids).await?;
        let holders = holders(tx, aliases_of(&speakers)).await?;
        let (mut wanted, pending) = wanted(&speakers, targets, &holders, now);
        for edge in held {
            let place = (edge.key, edge.rel.clone(), edge.to);
            match wanted.remove(&place) {
                Some(same) if says_the_same(&same, &edge) => {}
                Some(other) => {
                    closed.push(edge);
                    made.push(other);
                }
                None => closed.push(edge),
            }
        }
        made.extend(wanted.into_values());
        edges::replace_pending(tx.conn(), &ids, &pending).await?;
    }
    if !appeared.is_empty() {
        made.extend(awaited(tx, appeared, now, origins).await?);
    }
    made.sort_unstable_by_key(|edge| edge.id);
    let of_key: HashMap<i64, &Speaker> = speakers.iter().map(|s| (s.key_id, s)).collect();
    write(tx, now, &closed, made, &of_key, origins).await
}

fn says_the_same(one: &Edge, other: &Edge) -> bool {
    one.props == other.props
        && one.confidence == other.confidence
        && one.valid_from == other.valid_from
        && one.valid_to == other.valid_to
}

/// The aliases to which edges lead, each with the space in which it counts.
fn aliases_of(speakers: &[Speaker]) -> Vec<(Alias, String)> {
    let mut aliases: Vec<(Alias, String)> = speakers
        .iter()
        .filter_map(|speaker| Some((speaker, speaker.space.as_ref()?)))
        .flat_map(|(speaker, space)| {
            speaker.edges.iter().filter_map(move |edge| match &edge.to {
                Target::Alias(alias) => Some((alias.clone(), space.to_string())),
                Target::Entity(_) | Target::Key(_) => None,
            })
        })
        .collect();
    aliases.sort_unstable();
    aliases.dedup();
    aliases
}

async fn holders(
    tx: &mut Tx,
    wanted: Vec<(Alias, String)>,
) -> Result<HashMap<(Alias, String), Holder>, DataError> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let holders = aliases::holders(tx.conn(), &wanted).await?;
    Ok(holders.into_iter().map(|h| ((h.alias.clone(), h.space.clone()), h)).collect())
}

type Wanted = HashMap<(Option<i64>, String, Uuid), Edge>;

/// The edges that there should be, and those that wait.
fn wanted(
    speakers: &[Speaker],
    targets: &HashMap<SourceKey, Uuid>,
    holders: &HashMap<(Alias, String), Holder>,
    now: DateTime<Utc>,
) -> (Wanted, Vec<Pending>) {
    let mut wanted = Wanted::new();
    let mut pending = Vec::new();
    for speaker in speakers {
        let Some(space) = &speaker.space else { continue };
        for draft in &speaker.edges {
            let to = match &draft.to {
                Target::Entity(id) => *id,
                // A key whose content was erased leads nowhere.
                Target::Key(key) => match targets.get(key) {
                    Some(entity) => *entity,
                    None => continue,
                },
                Target::Alias(alias) => match holders.get(&(alias.clone(), space.to_string())) {
                    Some(holder) => holder.entity,
                    None => {
                        pending.push(Pending {
                            key: speaker.key_id,
                            from: speaker.entity,
                            rel: draft.rel.clone(),
                            alias: alias.clone(),
                            space: space.to_string(),
                            props: draft.props.clone(),
                            confidence: draft.confidence,
                            valid_from: speaker.valid_from,
                            valid_to: speaker.valid_to,
                        });
                        continue;
                    }
                },
            };
            let edge = Edge {
                id: Uuid::now_v7(),
                key: Some(speaker.key_id),
                source: speaker.key.source.clone(),
                from: speaker.entity,
                rel: draft.rel.clone(),
                to,
                props: draft.props.clone(),
                confidence: draft.confidence,
                valid_from: speaker.valid_from,
                valid_to: speaker.valid_to,
                recorded_at: now,
            };
            wanted.entry((edge.key, edge.rel.clone(), edge.to)).or_insert(edge);
        }
    }
    (wanted, pending)
}

/// The edges that waited for these aliases.
async fn awaited(
    tx: &mut Tx,
    appeared: Vec<(Alias, String)>,
    now: DateTime<Utc>,
    origins: &mut Origins,
) -> Result<Vec<Edge>, DataError> {
    let taken = edges::take_pending(tx.conn(), &appeared).await?;
    if taken.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = taken.iter().map(|t| (t.pending.alias.clone(), t.pending.space.clone())).collect();
    let holders = holders(tx, wanted).await?;
    let mut made: Wanted = HashMap::new();
    for Taken { pending, key, provenance } in taken {
        let Some(holder) = holders.get(&(pending.alias, pending.space)) else { continue };
        let edge = Edge {
            id: Uuid::now_v7(),
            key: Some(pending.key),
            source: key.source.clone(),
            from: pending.from,
            rel: pending.rel,
            to: holder.entity,
            props: pending.props,
            confidence: pending.confidence,
            valid_from: pending.valid_from,
            valid_to: pending.valid_to,
            recorded_at: now,
        };
        origins.push(edge.id, 0, &key, &provenance);
        made.entry((edge.key, edge.rel.clone(), edge.to)).or_insert(edge);
    }
    Ok(made.into_values().collect())
}

async fn write(
    tx: &mut Tx,
    now: DateTime<Utc>,
    closed: &[Edge],
    made: Vec<Edge>,
    speakers: &HashMap<i64, &Speaker>,
    origins: &mut Origins,
) -> Result<(), DataError> {
    let ends: Vec<Uuid> =
        closed.iter().chain(&made).flat_map(|edge| [edge.from, edge.to]).collect();
    if ends.is_empty() {
        return Ok(());
    }
    let roots: HashMap<Uuid, Uuid> = keys::roots(tx.conn(), &ends).await?.into_iter().collect();
    // What leads to nothing that exists, or from an entity to itself, is none.
    let made: Vec<Edge> = made
        .into_iter()
        .filter(|edge| match (roots.get(&edge.from), roots.get(&edge.to)) {
            (Some(from), Some(to)) => from != to,
            _ => false,
        })
        .collect();
    if !closed.is_empty() {
        let ids: Vec<Uuid> = closed.iter().map(|edge| edge.id).collect();
        edges::close(tx.conn(), &ids, now).await?;
    }
    if !made.is_empty() {
        edges::insert(tx.conn(), &made).await?;
    }
    for edge in &made {
        if let Some(speaker) = edge.key.and_then(|key| speakers.get(&key)) {
            origins.push(edge.id, 0, &speaker.key, &speaker.provenance);
        }
    }
    for (edge, closed) in
        closed.iter().map(|edge| (edge, true)).chain(made.iter().map(|edge| (edge, false)))
    {
        let end = |id: &Uuid| roots.get(id).copied().unwrap_or(*id);
        tx.record(&EdgeChanged {
            edge: edge.id,
            from: end(&edge.from),
            rel: edge.rel.clone(),
            to: end(&edge.to),
            closed,
        })?;
    }
    Ok(())
}
