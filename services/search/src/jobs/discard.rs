//! Throwing a retired generation away.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Cause, Concurrency, Job, JobError, JobRun, Lane};

use crate::Search;
use crate::store::documents;
use crate::store::generations::{self, Generation};

/// Rows that one transaction removes.
const ROWS: i64 = 5_000;

/// Removes a retired generation: its documents, its words, its index elsewhere.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DiscardGeneration {
    /// Which one.
    pub(crate) generation: i32,
}

#[async_trait]
impl Job for DiscardGeneration {
    type Context = Search;
    const KIND: &'static str = "search.discard";
    const LANE: Lane = Lane::Background;

    fn concurrency(&self) -> Option<Concurrency> {
        Some(Concurrency { key: "search:discard".to_owned(), limit: 1 })
    }

    async fn run(&self, search: &Search, run: &mut JobRun) -> Result<(), JobError> {
        let spine = run.spine().clone();
        let mut tx = spine.begin_worker(Cause::system()).await?;
        let known = generations::locked(tx.conn(), self.generation).await?;
        tx.rollback().await?;
        let Some(retired) = known.filter(Generation::is_retired) else {
            return Ok(run.begin().await?.commit().await?);
        };
        // Here first: an index elsewhere may be out of reach for long.
        loop {
            let mut tx = spine.begin_worker(Cause::system()).await?;
            documents::take_turns(tx.conn(), retired.id).await?;
            let more = generations::empty(tx.conn(), retired.id, ROWS).await?;
            tx.commit().await?;
            if !more {
                break;
            }
        }
        match search.adapter(&retired.adapter) {
            Some(index) => index.discard(&retired).await?,
            None => {
                let (generation, adapter) = (retired.id, &retired.adapter);
                tracing::warn!(
                    generation,
                    adapter,
                    "its adapter is not configured any more: what it keeps stays there"
                );
            }
        }
        let mut tx = run.begin().await?;
        generations::remove(tx.conn(), retired.id).await?;
        Ok(tx.commit().await?)
    }
}
