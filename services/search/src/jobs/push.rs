//! Bringing to Meilisearch what changed.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Concurrency, Job, JobError, JobRun, Lane};

use crate::store::generations;
use crate::{Search, SearchError};

/// Brings all that waits, of every generation that lives. What waits is in the table of documents, so
/// one run does the work of all that were scheduled before it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PushDocuments {}

#[async_trait]
impl Job for PushDocuments {
    type Context = Search;
    const KIND: &'static str = "search.push";
    const LANE: Lane = Lane::Background;
    const MAX_ATTEMPTS: u16 = 5;
    const TIMEOUT: Duration = Duration::from_secs(6 * 3_600);

    fn concurrency(&self) -> Option<Concurrency> {
        Some(Concurrency { key: "search:push".to_owned(), limit: 1 })
    }

    fn backoff(attempt: u16) -> Duration {
        Duration::from_secs((1_u64 << attempt.min(8)).min(120))
    }

    async fn run(&self, search: &Search, run: &mut JobRun) -> Result<(), JobError> {
        for generation in generations::live(run.spine().worker_pool()).await? {
            let Some(index) = search.adapter(&generation.adapter) else { continue };
            match index.catch_up(&generation).await {
                // Tried again every minute, and with all that is written: many that wait would only
                // fail together.
                Err(error @ SearchError::Away(_)) => {
                    let source = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(%error, source, "what changed is brought later");
                }
                other => other?,
            }
        }
        Ok(run.begin().await?.commit().await?)
    }
}
