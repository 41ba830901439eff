//! What need not be remembered any longer is forgotten.

use async_trait::async_trait;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};

use crate::device::OLDEST_REPORT;
use crate::{Connectors, store};

/// Most runs that are kept of an account.
const RUNS: i64 = 100;
/// How long requests of webhooks are remembered: longer than they count as repeats, for whoever looks into
/// the log.
const WEBHOOKS: TimeDelta = TimeDelta::days(1);

/// Forgets old runs, requests of webhooks and reports.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeepHouse {}

#[async_trait]
impl Job for KeepHouse {
    type Context = Connectors;
    const KIND: &'static str = "connectors.keep_house";
    const LANE: Lane = Lane::Background;

    async fn run(&self, connectors: &Connectors, run: &mut JobRun) -> Result<(), JobError> {
        let (pool, now) = (connectors.0.spine.worker_pool(), run.spine().clock().now());
        let runs = store::runs::keep_newest(pool, RUNS).await?;
        let webhooks = store::webhooks::forget(pool, now - WEBHOOKS).await?;
        // A report that is older is refused, so nobody needs its memory.
        let reports = store::reports::forget(pool, now - OLDEST_REPORT).await?;
        tracing::debug!(runs, webhooks, reports, "the connectors' house is kept");
        Ok(())
    }
}
