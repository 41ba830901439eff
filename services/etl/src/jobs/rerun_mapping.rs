//! Maps the history again, a part at a time.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Concurrency, Job, JobError, JobOptions, JobRun, Lane};
use uuid::Uuid;

use crate::processing::{self, Tally};
use crate::{Etl, store};

/// Records of one part, and about how many bytes of them.
const PART: i64 = 500;
const PART_BYTES: i64 = 16 << 20;

/// The part of a run that begins after the given record; it schedules the next one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RerunMapping {
    pub(crate) rerun: Uuid,
    pub(crate) after: Option<Uuid>,
}

impl RerunMapping {
    /// How it is scheduled: each part of a run once.
    pub(crate) fn options(&self) -> JobOptions {
        let after = self.after.map_or_else(String::new, |after| after.to_string());
        JobOptions::default().part(format!("{}/{after}", self.rerun))
    }
}

#[async_trait]
impl Job for RerunMapping {
    type Context = Etl;
    const KIND: &'static str = "etl.rerun_mapping";
    const LANE: Lane = Lane::Background;

    fn concurrency(&self) -> Option<Concurrency> {
        Some(Concurrency { key: "etl:rerun".to_owned(), limit: 1 })
    }

    async fn run(&self, etl: &Etl, run: &mut JobRun) -> Result<(), JobError> {
        let pool = etl.spine().worker_pool();
        let Some(rerun) = store::reruns::find(pool, self.rerun).await? else { return Ok(()) };
        let mapping = store::mappings::find(pool, &rerun.mapping).await?;
        // Whoever changed the mapping meanwhile says whether the history is mapped again with that.
        let Some(mapping) = mapping.filter(|mapping| mapping.version == rerun.version) else {
            return self.end(run, "superseded").await;
        };
        let ids = part(store::reruns::next(pool, &mapping.kind, self.after, PART).await?);
        let Some(last) = ids.last().copied() else { return self.end(run, "done").await };
        let (mut tx, Tally { done, refused }) =
            processing::process(etl, run, &ids, &format!("{last}/")).await?;
        let now = tx.spine().clock().now();
        store::reruns::advance(tx.conn(), self.rerun, (done, refused), "running", now).await?;
        let next = Self { rerun: self.rerun, after: Some(last) };
        tx.schedule_with(&next, next.options())?;
        Ok(tx.commit().await?)
    }
}

impl RerunMapping {
    async fn end(&self, run: &mut JobRun, state: &str) -> Result<(), JobError> {
        let mut tx = run.begin().await?;
        let now = tx.spine().clock().now();
        store::reruns::advance(tx.conn(), self.rerun, (0, 0), state, now).await?;
        Ok(tx.commit().await?)
    }
}

/// As many of these as may be in memory at a time; at least one.
fn part(records: Vec<(Uuid, i64)>) -> Vec<Uuid> {
    let mut bytes = 0;
    let fitting = records.into_iter().enumerate().take_while(|(place, (_, size))| {
        bytes += size;
        *place == 0 || bytes <= PART_BYTES
    });
    fitting.map(|(_, (id, _))| id).collect()
}
