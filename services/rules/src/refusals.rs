//! Refusals: written one row an event, and folded into each rule's ring before anybody reads them.
//!
//! Nearly every evaluation is a refusal, and most of them say what the one before said. A thousand rows for each event
//! of a busy household would drown it; of a thousand refusals of a rule the last fifty are kept. So what a transaction
//! writes does not grow by the number of rules, and what is never read is never spread.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::outcome::evaluation_id;
use crate::store::outcomes::RING;
use crate::store::refusals::{Folded, Refused};
use crate::{Rules, RulesError, store};

/// Events that are folded in one transaction.
const TOGETHER: i64 = 200;
/// Whoever reads folds so many times at most: what comes in meanwhile may wait.
const ROUNDS: usize = 50;

impl Rules {
    /// Folds all refusals that were committed by now. Says whether there were any.
    pub(crate) async fn fold_refusals(&self) -> Result<bool, RulesError> {
        for round in 0..ROUNDS {
            if !store::refusals::are_there(self.0.spine.worker_pool()).await? {
                return Ok(round > 0);
            }
            let mut tx = self.0.spine.worker_pool().begin().await?;
            let taken = store::refusals::take(&mut tx, TOGETHER).await?;
            if taken.is_empty() {
                // Another process folds the rest just now; wait for it, so that whoever reads next sees it.
                store::refusals::wait(&mut tx).await?;
                tx.commit().await?;
                continue;
            }
            let (folded, events) = fold(&taken);
            // In this order everywhere: what is folded, the tallies, the rings.
            let rules: Vec<Uuid> = folded.iter().map(|one| one.rule).collect();
            store::outcomes::hold(&mut tx, &rules).await?;
            store::refusals::keep(&mut tx, &folded, RING).await?;
            store::refusals::drop(&mut tx, &events).await?;
            tx.commit().await?;
        }
        Ok(true)
    }
}

/// The last refusals of each rule, and how many it had.
fn fold(taken: &[Refused]) -> (Vec<Folded>, Vec<Uuid>) {
    let mut taken: Vec<&Refused> = taken.iter().collect();
    taken.sort_by_key(|refused| (refused.at, refused.event_id));
    let mut rules: HashMap<Uuid, (i64, DateTime<Utc>, Vec<Folded>)> = HashMap::new();
    for refused in &taken {
        for (index, rule) in refused.rules.iter().enumerate() {
            let Some(one) = refused.one(index, *rule) else { continue };
            let (count, last, kept) = rules.entry(*rule).or_insert((0, refused.at, Vec::new()));
            *count += 1;
            *last = refused.at;
            if kept.len() as i64 == RING {
                kept.remove(0);
            }
            kept.push(Folded { id: evaluation_id(*rule, refused.event_id), ..one });
        }
    }
    let mut folded = Vec::new();
    for (count, last, kept) in rules.into_values() {
        let newest = kept.len();
        for (index, one) in kept.into_iter().enumerate() {
            folded.push(Folded { count, last, before: (newest - 1 - index) as i64, ..one });
        }
    }
    (folded, taken.iter().map(|refused| refused.event_id).collect())
}
