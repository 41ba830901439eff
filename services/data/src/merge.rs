//! Two entities turn out to be one, or two after all.
//!
//! Nothing is rewritten: who is part of whom is noted, and what the sources say is taken together
//! accordingly. So undoing restores both exactly, with all that was said meanwhile.

use chrono::SubsecRound as _;
use contracts::access::SpaceId;
use contracts::events::data::{EntitiesMerged, MergeUndone};
use spine::Tx;
use uuid::Uuid;

use crate::DataError;
use crate::erase::space_hash;
use crate::store::matches::Match;
use crate::store::merges::Merge;
use crate::store::{entities, keys, matches, merges, turns};
use crate::write::{publish, recompute};

/// Makes `absorbed` part of `kept`. Under the same id a second time it changes nothing.
///
/// # Errors
/// One of them is not known (any more), they are one already, or they are in different spaces.
pub(crate) async fn merge(
    tx: &mut Tx,
    id: Uuid,
    kept: Uuid,
    absorbed: Uuid,
    by: String,
    reason: String,
) -> Result<Merge, DataError> {
    turns::hold_back_writes(tx.conn()).await?;
    if let Some(merge) = merges::find(tx.conn(), id).await? {
        return Ok(merge);
    }
    let now = tx.spine().clock().now().trunc_subsecs(6);
    let roots = keys::roots(tx.conn(), &[kept, absorbed]).await?;
    let root = |id: Uuid| roots.iter().find(|(known, _)| *known == id).map(|(_, root)| *root);
    let kept = root(kept).ok_or(DataError::NotFound(kept))?;
    let absorbed = root(absorbed).ok_or(DataError::NotFound(absorbed))?;
    if kept == absorbed {
        return Err(DataError::NoMerge("The two are one already"));
    }
    let current = entities::now(tx.conn(), &[kept, absorbed]).await?;
    let space = |id: Uuid| {
        current.iter().find(|version| version.id == id).map(|version| &version.content.space)
    };
    let place = space(kept).ok_or(DataError::NotFound(kept))?;
    if place != space(absorbed).ok_or(DataError::NotFound(absorbed))? {
        return Err(DataError::NoMerge("The two are in different spaces; please move one first"));
    }
    if is_erased(tx, place).await? {
        return Err(DataError::NoMerge("The space of the two was erased"));
    }
    let merge = Merge {
        id,
        kept,
        absorbed,
        space: place.clone(),
        by,
        reason,
        merged_at: now,
        undone_at: None,
        undone_by: None,
    };
    merges::insert(tx.conn(), &merge).await?;
    merges::join(tx.conn(), absorbed, kept).await?;
    let effects = recompute(tx, &[kept, absorbed], now).await?;
    tx.record(&EntitiesMerged { merge: id, kept, absorbed })?;
    publish(tx, effects, now).await?;
    Ok(merge)
}

/// Takes a merge apart. The pair is not proposed again.
///
/// # Errors
/// There is no such merge, it was undone already, or what was merged was erased.
pub(crate) async fn undo(tx: &mut Tx, id: Uuid, by: &str) -> Result<Merge, DataError> {
    turns::hold_back_writes(tx.conn()).await?;
    let now = tx.spine().clock().now().trunc_subsecs(6);
    let mut merge = merges::find(tx.conn(), id).await?.ok_or(DataError::NotFound(id))?;
    if merge.undone_at.is_some() {
        return Err(DataError::Decided("This merge was undone already"));
    }
    let ends = [merge.kept.min(merge.absorbed), merge.kept.max(merge.absorbed)];
    if keys::lock(tx.conn(), &ends).await?.iter().any(|root| root.erased) {
        return Err(DataError::Decided("What was merged was erased since"));
    }
    if is_erased(tx, &merge.space).await? {
        return Err(DataError::Decided("The space of what was merged was erased since"));
    }
    merges::undo(tx.conn(), id, by, now).await?;
    merges::part(tx.conn(), merge.absorbed).await?;
    let roots = keys::roots(tx.conn(), &[merge.kept]).await?;
    let kept = roots.first().map_or(merge.kept, |(_, root)| *root);
    matches::refuse_pair(
        tx.conn(),
        &Match {
            id: Uuid::now_v7(),
            one: ends[0],
            other: ends[1],
            space: merge.space.clone(),
            score: 0.0,
            evidence: vec!["undone".to_owned()],
            state: "refused".to_owned(),
            proposed_at: now,
            decided_at: Some(now),
            decided_by: Some(by.to_owned()),
        },
    )
    .await?;
    let effects = recompute(tx, &[kept, merge.absorbed], now).await?;
    tx.record(&MergeUndone { merge: id, kept, restored: merge.absorbed })?;
    publish(tx, effects, now).await?;
    (merge.undone_at, merge.undone_by) = (Some(now), Some(by.to_owned()));
    Ok(merge)
}

/// Whether a space is being erased: nothing new comes of what is still there.
async fn is_erased(tx: &mut Tx, space: &SpaceId) -> Result<bool, DataError> {
    Ok(!keys::erased(tx.conn(), &[space_hash(space)]).await?.is_empty())
}
