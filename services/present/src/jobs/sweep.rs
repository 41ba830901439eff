//! What is old is not known any more, and that is announced.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::events::present::StateChanged;
use serde::{Deserialize, Serialize};
use spine::{Cause, Concurrency, Job, JobError, JobOptions, JobRun, Lane, Tx};

use super::rebuild::RebuildStates;
use crate::flow::record;
use crate::service::Inner;
use crate::state::{Key, READINGS, State};
use crate::store::{announced, calls, readings, states};
use crate::{Present, PresentError};

/// States that are looked at in one transaction.
const PART: i64 = 200;
/// How long it is remembered that a call is over.
const CALLS: TimeDelta = TimeDelta::days(1);

/// Ends states that expired, and looks whether what keeps them has lost them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SweepStates {}

#[async_trait]
impl Job for SweepStates {
    type Context = Present;
    const KIND: &'static str = "present.sweep";
    const LANE: Lane = Lane::Background;
    const MAX_ATTEMPTS: u16 = 3;

    fn concurrency(&self) -> Option<Concurrency> {
        Some(Concurrency { key: "present:sweep".to_owned(), limit: 1 })
    }

    async fn run(&self, present: &Present, run: &mut JobRun) -> Result<(), JobError> {
        let inner = &present.0;
        let whole = match inner.states.is_whole().await {
            Ok(whole) => whole,
            Err(error @ PresentError::Redis(_)) => {
                // The next run is a minute away.
                tracing::warn!(%error, "states cannot be looked at");
                return Ok(run.begin().await?.commit().await?);
            }
            Err(error) => return Err(error.into()),
        };
        // The same for all: what is removed below was ended before.
        let now = inner.spine.clock().now();
        let mut after = Key { subject: String::new(), facet: String::new() };
        loop {
            let mut tx = inner.spine.begin_worker(Cause::system()).await?;
            let keys = announced::keys_after(tx.conn(), &after, PART).await?;
            let Some(last) = keys.last() else { break };
            after = last.clone();
            inner.end_expired(&mut tx, &keys, now).await?;
            tx.commit().await?;
        }
        inner.states.sweep().await?;
        let mut tx = run.begin().await?;
        states::sweep(tx.conn(), now).await?;
        readings::sweep(tx.conn(), now - READINGS).await?;
        calls::sweep(tx.conn(), now - inner.expiry.call, now - CALLS, now).await?;
        if !whole {
            tx.schedule_with(&RebuildStates {}, JobOptions::default())?;
        }
        Ok(tx.commit().await?)
    }
}

impl Inner {
    /// Ends those of the announced states that do not hold any more.
    async fn end_expired(
        &self,
        tx: &mut Tx,
        keys: &[Key],
        now: DateTime<Utc>,
    ) -> Result<(), PresentError> {
        let announced = announced::locked(tx.conn(), keys).await?;
        let known = self.known(tx, keys).await?;
        let known: HashMap<Key, State> =
            known.into_iter().map(|state| (state.key(), state)).collect();
        let mut changes = HashMap::new();
        let mut events = Vec::new();
        let cause = Cause::system();
        for (key, before) in announced {
            let state = known.get(&key);
            if state.is_some_and(|state| state.holds(now)) {
                continue;
            }
            let since = state.map_or(now, |state| state.expires_at.min(now));
            events.push((
                StateChanged {
                    subject: key.subject.clone(),
                    facet: key.facet.clone(),
                    space: before.space,
                    before: Some(before.value),
                    now: None,
                    since,
                    source: Some(before.source),
                },
                &cause,
            ));
            changes.insert(key, None);
        }
        let ended: Vec<Key> = changes.keys().cloned().collect();
        announced::write(tx.conn(), &changes).await?;
        record(tx, &events)?;
        if !ended.is_empty() {
            self.remove(tx, &ended).await?;
        }
        Ok(())
    }
}
