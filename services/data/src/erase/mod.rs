//! Erasure: what is to be forgotten goes from the graph in all its versions, and the keys of the events that
//! told of it are destroyed.
//!
//! An entity of which nothing else is known goes whole. Where others have said something of it too, their
//! words stay: the versions in which the erased words were are dropped, the keys of all its events are
//! destroyed, and what is left is told anew, under new keys.

mod handler;
mod job;
mod plan;
mod scope;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SubsecRound as _, Utc};
use contracts::access::SPECIAL_CATEGORIES;
use contracts::events::data::{EntityDeleted, EntityErased};
use contracts::model::SourceKey;
use spine::{Cause, Event, Spine, Tx};
use uuid::Uuid;

use crate::DataError;
use crate::graph::{Version, key_hash};
use crate::store::changes::{self, Change, ChangeKind};
use crate::store::keys::KeyColumns;
use crate::store::{erase, keys, turns};
use crate::write::{publish, retell};

pub(crate) use handler::ErasedHandler;
pub(crate) use job::Forget;
pub(crate) use scope::{Scope, source_hash, space_hash};

use plan::Plan;

/// How many rows one transaction looks at where there are many.
const BATCH: i64 = 200;

/// Who says that an entity is told anew after its keys were destroyed, and what for: the events of that
/// are no erasure to whoever keeps the graph.
const BY: &str = "service:data";
const TELL_AGAIN: &str = "tell-again";

fn is_told_again(event: &Event) -> bool {
    event.cause.actor.as_deref() == Some(BY) && event.cause.purpose.as_deref() == Some(TELL_AGAIN)
}

/// What an entity's events are sealed under.
fn subject(id: Uuid) -> String {
    format!("entity:{id}")
}

/// Forgets some of what there is to forget; whether there may be more. The sources do not bring it back.
///
/// # Errors
/// The database failed.
pub(crate) async fn forget(tx: &mut Tx, scope: &Scope) -> Result<bool, DataError> {
    turns::hold_back_writes(tx.conn()).await?;
    let now = tx.spine().clock().now().trunc_subsecs(6);
    // First, so that nothing of it is written behind this.
    let hashes = scope.hashes();
    if !hashes.is_empty() {
        erase::remember(tx.conn(), &hashes, now).await?;
    }
    let found = match scope {
        Scope::Entity(id) => roots(tx, &[*id]).await?,
        Scope::Keys(keys) => {
            let known = keys::known(tx.conn(), &keys.iter().collect::<KeyColumns>()).await?;
            let ids: Vec<Uuid> = known.into_iter().map(|known| known.root).collect();
            roots(tx, &ids).await?
        }
        Scope::Source(source) => erase::of_source(tx.conn(), source, BATCH).await?,
        Scope::Space(space) => erase::in_space(tx.conn(), space.as_str(), BATCH).await?,
    };
    if found.is_empty() {
        return Ok(false);
    }
    forget_of(tx, scope, &found, now).await?;
    Ok(matches!(scope, Scope::Source(_) | Scope::Space(_)))
}

async fn roots(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, DataError> {
    let roots: BTreeSet<Uuid> =
        keys::roots(tx.conn(), ids).await?.into_iter().map(|(_, root)| root).collect();
    Ok(roots.into_iter().collect())
}

async fn forget_of(
    tx: &mut Tx,
    scope: &Scope,
    roots: &[Uuid],
    now: DateTime<Utc>,
) -> Result<(), DataError> {
    let plan = Plan::of(tx, scope, roots).await?;
    let gone: KeyColumns = plan.gone.iter().map(|word| &word.key).collect();
    let records = records(tx, &plan, &gone).await?;

    // Who was one with them for a while has versions with their words, and events.
    let mut told: Vec<Uuid> = plan.partly.iter().chain(&plan.moved).map(|one| one.id).collect();
    let mut around: Vec<Uuid> = plan.whole.iter().map(|one| one.id).collect();
    around.extend(&told);
    told.extend(erase::partners(tx.conn(), &around).await?);
    let space = scope.space().map(contracts::access::SpaceId::as_str);
    let doomed = erase::doomed(tx.conn(), &told, &gone, space).await?;
    let touched: BTreeSet<Uuid> = doomed.iter().map(|(id, _)| *id).collect();
    let mut again: BTreeSet<Uuid> = plan.partly.iter().chain(&plan.moved).map(|m| m.root).collect();
    let touched_ids: Vec<Uuid> = touched.iter().copied().collect();
    again.extend(self::roots(tx, &touched_ids).await?);
    let again: Vec<Uuid> = again.into_iter().filter(|root| !plan.is_whole(*root)).collect();

    if let Some(space) = space
        && !plan.moved.is_empty()
    {
        let settled: Vec<_> = plan.settled.iter().collect();
        keys::save(tx.conn(), &settled).await?;
        let (ids, places): (Vec<Uuid>, Vec<String>) = plan.places().unzip();
        erase::settle(tx.conn(), space, &ids, &places).await?;
    }
    let effects = retell(tx, &again, &plan.gone_ids(), scope.space(), now).await?;

    let words: Vec<i64> = plan.gone_in_part().collect();
    if !words.is_empty() {
        erase::words(tx.conn(), &words).await?;
    }
    forget_whole(tx, scope, &plan, now).await?;
    for (root, records) in records {
        tx.record(&erased(scope, &plan, root, records))?;
    }
    let cause = tx.cause().clone();
    let told_again =
        Cause { actor: Some(BY.to_owned()), purpose: Some(TELL_AGAIN.to_owned()), ..cause.clone() };
    let mut subjects: Vec<(String, Cause)> = plan
        .whole
        .iter()
        .filter(|member| member.last_version > 0)
        .map(|member| (subject(member.id), cause.clone()))
        .collect();
    let fresh: BTreeSet<Uuid> = again.iter().copied().chain(touched).collect();
    subjects.extend(fresh.iter().map(|id| (subject(*id), told_again.clone())));
    Spine::erase_all(tx, &subjects).await?;
    // From here on under new keys.
    publish(tx, effects, now).await?;
    if !doomed.is_empty() {
        erase::versions(tx.conn(), &doomed).await?;
    }
    if let Some(space) = space {
        erase::changes_in(tx.conn(), space, &told).await?;
    }
    Ok(())
}

/// What whoever keeps raw records is told. Where a whole source or space goes, its keys need not be named one by one.
fn erased(scope: &Scope, plan: &Plan, root: Uuid, records: BTreeSet<String>) -> EntityErased {
    let words = plan.gone.iter().filter(|word| plan.root_of(word.entity) == Some(root));
    let keys: Vec<&SourceKey> = words.map(|word| &word.key).collect();
    let sources: BTreeSet<&String> = keys.iter().map(|key| &key.source).collect();
    let named = matches!(scope, Scope::Entity(_) | Scope::Keys(_));
    let barred = keys.iter().filter(|_| named);
    EntityErased {
        entity: root,
        records: records.into_iter().collect(),
        sources: sources.into_iter().cloned().collect(),
        keys: barred.map(|key| hex::encode(key_hash(key))).collect(),
    }
}

/// The raw records of what goes, by entity. One that goes whole, and of which something was known, has an
/// entry in any case; but for a whole space, where only the records matter to anybody.
async fn records(
    tx: &mut Tx,
    plan: &Plan,
    gone: &KeyColumns,
) -> Result<BTreeMap<Uuid, BTreeSet<String>>, DataError> {
    let mut records: BTreeMap<Uuid, BTreeSet<String>> = BTreeMap::new();
    let members: Vec<Uuid> = plan.whole.iter().chain(&plan.partly).map(|one| one.id).collect();
    for (root, raw) in erase::records(tx.conn(), &members, gone).await? {
        records.entry(root).or_default().insert(raw);
    }
    for word in &plan.gone {
        let raw = word.said.as_ref().and_then(|said| said.provenance.raw.clone());
        if let (Some(raw), Some(root)) = (raw, plan.root_of(word.entity)) {
            records.entry(root).or_default().insert(raw);
        }
    }
    if !plan.quietly {
        for member in plan.whole.iter().filter(|one| one.id == one.root && one.last_version > 0) {
            records.entry(member.root).or_default();
        }
    }
    Ok(records)
}

/// Drops entities of which nothing is to stay.
async fn forget_whole(
    tx: &mut Tx,
    scope: &Scope,
    plan: &Plan,
    now: DateTime<Utc>,
) -> Result<(), DataError> {
    if plan.whole.is_empty() {
        return Ok(());
    }
    if scope.keeps_away_each_key() {
        let keys: Vec<&SourceKey> = plan.gone.iter().map(|word| &word.key).collect();
        let hashes: Vec<Vec<u8>> = keys.into_iter().map(key_hash).collect();
        erase::remember(tx.conn(), &hashes, now).await?;
    }
    let ids: Vec<Uuid> = plan.whole.iter().map(|member| member.id).collect();
    erase::content(tx.conn(), &ids, now).await?;
    if plan.quietly {
        return Ok(());
    }
    let current: Vec<&Version> =
        plan.newest.values().filter(|v| v.superseded_at.is_none() && plan.is_whole(v.id)).collect();
    let told: Vec<Change> = current.iter().map(|version| gone(version)).collect();
    if !told.is_empty() {
        changes::append(tx.conn(), &told, now).await?;
    }
    for version in current {
        tx.record(&EntityDeleted {
            entity: version.id,
            version: version.number(),
            r#type: version.content.r#type.clone(),
            space: version.content.space.clone(),
        })?;
    }
    Ok(())
}

/// That it is gone, for readers of the changes: of its labels only those that say who may know.
fn gone(version: &Version) -> Change {
    let labels = version.content.labels.iter();
    Change {
        entity: version.id,
        version: version.version,
        kind: ChangeKind::Deleted,
        class: version.content.r#type.clone(),
        space: version.content.space.clone(),
        labels: labels.filter(|l| SPECIAL_CATEGORIES.contains(&l.as_str())).cloned().collect(),
    }
}
