//! Building the index anew from the ledger, while the old one answers.
//!
//! From the moment the new generation's row is committed, the handler writes to it as well. This job reads
//! the ledger from its beginning until nothing more can be read: whatever cannot be read by then is
//! handled after that row was there. Both are guarded by versions, so their order does not matter.

use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use spine::{Cause, Concurrency, Job, JobError, JobOptions, JobRun, Lane, Spine, ledger};

use super::discard::DiscardGeneration;
use super::push::PushDocuments;
use crate::Search;
use crate::changes::{Changes, FILTER};
use crate::store::documents;
use crate::store::generations::{self, Generation};

/// Events that are read at a time.
const PAGE: u32 = 500;
/// How long a retired generation is kept for questions that are under way.
pub(crate) const KEPT: TimeDelta = TimeDelta::seconds(60);
/// The pause between two looks whether the index has all.
const LOOK: Duration = Duration::from_secs(1);

/// The pause before somebody else may try, who has the generation's adapter.
const ELSEWHERE: Duration = Duration::from_secs(60);

/// Builds a generation and makes it the active one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RebuildIndex {
    /// Which one.
    pub(crate) generation: i32,
}

impl RebuildIndex {
    /// Whether all that was written to the generation, when the ledger's end was reached first, is found.
    /// Another job brings it there, the only one that does.
    async fn is_searchable(
        &self,
        search: &Search,
        spine: &Spine,
        generation: &Generation,
    ) -> Result<bool, JobError> {
        let index = search.adapter(&generation.adapter);
        if index.is_none_or(|index| index.searches_the_table()) {
            return Ok(true);
        }
        let filled = match generation.filled {
            Some(filled) => filled,
            None => {
                let mut tx = spine.begin_worker(Cause::system()).await?;
                let newest = documents::newest_change(tx.conn(), generation.id).await?;
                generations::fill(tx.conn(), generation.id, newest).await?;
                // Also where nothing was written: the index is to be there.
                tx.schedule(&PushDocuments {})?;
                tx.commit().await?;
                newest
            }
        };
        let ready = generation.filled.is_some();
        Ok(ready && !documents::lacks(spine.worker_pool(), generation.id, filled).await?)
    }
}

#[async_trait]
impl Job for RebuildIndex {
    type Context = Search;
    const KIND: &'static str = "search.rebuild";
    const LANE: Lane = Lane::Background;
    const MAX_ATTEMPTS: u16 = 50;
    const TIMEOUT: Duration = Duration::from_secs(6 * 3_600);

    fn concurrency(&self) -> Option<Concurrency> {
        Some(Concurrency { key: "search:rebuild".to_owned(), limit: 1 })
    }

    async fn run(&self, search: &Search, run: &mut JobRun) -> Result<(), JobError> {
        let spine = run.spine().clone();
        let mut known = generations::live(spine.worker_pool()).await?;
        known.retain(|one| one.id == self.generation && one.state == "building");
        let Some(generation) = known.first().cloned() else {
            return Ok(run.begin().await?.commit().await?);
        };
        if search.adapter(&generation.adapter).is_none() {
            // Made the active one, nothing could be found any more.
            let reason = format!("{} is not configured here", generation.adapter);
            return Err(JobError::RetryAfter { after: ELSEWHERE, reason });
        }
        let mut position = generation.position;
        loop {
            let page = ledger::read_after(&spine, position, &FILTER, PAGE).await?;
            if page.events.is_empty() {
                break;
            }
            // What the live handler puts away as dead is no reason to build nothing.
            let mut changes = Changes::default();
            for recorded in &page.events {
                match Changes::of([&recorded.event]) {
                    Ok(more) => changes.join(more),
                    Err(error) => {
                        tracing::warn!(event.id = %recorded.event.id, %error, "an event is left out of the index");
                    }
                }
            }
            let mut tx = spine.begin_worker(Cause::system()).await?;
            search.write(&mut tx, &known, &changes).await?;
            let events = i64::try_from(page.events.len()).unwrap_or(0);
            generations::advance(tx.conn(), generation.id, page.end, events).await?;
            tx.commit().await?;
            position = page.end;
        }
        if !self.is_searchable(search, &spine, &generation).await? {
            let reason = "the index does not have all of it yet".to_owned();
            return Err(JobError::RetryAfter { after: LOOK, reason });
        }
        let mut tx = run.begin().await?;
        let now = spine.clock().now();
        let still = generations::locked(tx.conn(), generation.id).await?;
        if still.is_some_and(|one| one.state == "building") {
            for retired in generations::activate(tx.conn(), generation.id, now).await? {
                let job = DiscardGeneration { generation: retired };
                let part = JobOptions::default().part(retired.to_string());
                tx.schedule_with(&job, part.at(now + KEPT))?;
            }
        }
        tx.commit().await?;
        tracing::info!(
            generation = generation.id,
            adapter = generation.adapter,
            "the search index was built anew"
        );
        Ok(())
    }
}
