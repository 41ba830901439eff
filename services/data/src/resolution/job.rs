//! Looks for others that are the same as what was written.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use contracts::events::etl::MatchProposed;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spine::{Job, JobError, JobRun, Lane, Tx};
use uuid::Uuid;

use super::STRONG;
use super::likeness::{SAME_NAME, SIMILAR_NAME, likeness, words};
use crate::graph::Version;
use crate::merge::merge;
use crate::store::matches::{self, Match, Named};
use crate::store::{entities, turns};
use crate::{Data, DataError};

/// Merges or proposes what is likely the same as these entities.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ResolveIdentities {
    pub(crate) entities: Vec<Uuid>,
}

/// Who decides clear cases.
const BY: &str = "service:data";
/// The state of what is decided so.
const ACCEPTED: &str = "accepted";

/// A pair, the smaller id first.
type Pair = (Uuid, Uuid);

fn pair(one: Uuid, other: Uuid) -> Pair {
    (one.min(other), one.max(other))
}

#[async_trait]
impl Job for ResolveIdentities {
    type Context = Data;
    const KIND: &'static str = "data.resolve_identities";
    const LANE: Lane = Lane::Background;

    async fn run(&self, _: &Data, run: &mut JobRun) -> Result<(), JobError> {
        let mut tx = run.begin().await?;
        let pairs = self.pairs(&mut tx).await?;
        decide(&mut tx, pairs).await?;
        tx.commit().await?;
        Ok(())
    }
}

impl ResolveIdentities {
    /// The pairs that may be one, each with what speaks for it.
    async fn pairs(&self, tx: &mut Tx) -> Result<BTreeMap<Pair, BTreeSet<String>>, DataError> {
        let mut pairs: BTreeMap<Pair, BTreeSet<String>> = BTreeMap::new();
        let strong = STRONG.map(str::to_owned);
        for shared in matches::sharing(tx.conn(), &self.entities, &strong).await? {
            pairs.entry(pair(shared.entity, shared.other)).or_default().insert(shared.alias.scheme);
        }
        let versions = entities::now(tx.conn(), &self.entities).await?;
        let people: HashMap<Uuid, &str> = versions
            .iter()
            .filter(|version| version.content.r#type == "Person")
            .filter(|version| version.content.space != SpaceId::public())
            .filter_map(|version| Some((version.id, name(version)?)))
            .collect();
        let wanted: Vec<Named> = versions
            .iter()
            .filter_map(|version| {
                let words = words(people.get(&version.id)?);
                let space = version.content.space.clone();
                (!words.is_empty()).then_some(Named { id: version.id, space, words })
            })
            .collect();
        for found in matches::namesakes(tx.conn(), &wanted).await? {
            let Some(name) = people.get(&found.of) else { continue };
            if likeness(name, &found.name) >= SIMILAR_NAME {
                pairs.entry(pair(found.of, found.id)).or_default().insert("name".to_owned());
            }
        }
        Ok(pairs)
    }
}

fn name(version: &Version) -> Option<&str> {
    version.content.data.get("name").and_then(Value::as_str)
}

/// Merges the clear cases and proposes the others.
async fn decide(tx: &mut Tx, pairs: BTreeMap<Pair, BTreeSet<String>>) -> Result<(), DataError> {
    let ids: BTreeSet<Uuid> = pairs.keys().flat_map(|(one, other)| [*one, *other]).collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    if ids.is_empty() {
        return Ok(());
    }
    // Turns come before rows. What was erased or merged meanwhile is no pair any more.
    turns::hold_back_writes(tx.conn()).await?;
    let versions: HashMap<Uuid, Version> =
        entities::now(tx.conn(), &ids).await?.into_iter().map(|v| (v.id, v)).collect();
    let now = tx.spine().clock().now();
    let found: Vec<Match> = pairs
        .into_iter()
        .filter_map(|((one, other), evidence)| {
            judge(versions.get(&one)?, versions.get(&other)?, evidence, now)
        })
        .collect();
    for found in found {
        if !matches::insert(tx.conn(), &found).await? {
            continue;
        }
        if found.state != ACCEPTED {
            tx.record(&MatchProposed {
                proposal: found.id,
                left: found.one,
                right: found.other,
                score: found.score,
                evidence: found.evidence,
            })?;
            continue;
        }
        let reason = found.evidence.join(", ");
        match merge(tx, found.id, found.one, found.other, BY.to_owned(), reason).await {
            Ok(_) => {}
            // Meanwhile gone, moved, or one already through another pair: nothing was decided.
            Err(DataError::NotFound(_) | DataError::NoMerge(_)) => {
                matches::forget(tx.conn(), found.id).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What speaks for two being one: a proposal, accepted where the case is clear.
fn judge(
    left: &Version,
    right: &Version,
    evidence: BTreeSet<String>,
    now: DateTime<Utc>,
) -> Option<Match> {
    if left.content.r#type != right.content.r#type || left.content.space != right.content.space {
        return None;
    }
    let alike = match (name(left), name(right)) {
        (Some(left), Some(right)) => likeness(left, right),
        _ => 0.0,
    };
    let has_alias = evidence.iter().any(|evidence| evidence != "name");
    let clear = has_alias && left.content.r#type == "Person" && alike >= SAME_NAME;
    let mut evidence: Vec<String> = evidence.into_iter().collect();
    if alike >= SAME_NAME && !evidence.iter().any(|evidence| evidence == "name") {
        evidence.push("name".to_owned());
    }
    Some(Match {
        id: Uuid::now_v7(),
        one: left.id,
        other: right.id,
        space: left.content.space.clone(),
        // Half for a shared alias, half for the name.
        score: if has_alias { 0.5 + alike / 2.0 } else { alike * 0.9 },
        evidence,
        state: if clear { ACCEPTED } else { "open" }.to_owned(),
        proposed_at: now,
        decided_at: clear.then_some(now),
        decided_by: clear.then(|| BY.to_owned()),
    })
}
