//! Maps what came in.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Concurrency, Job, JobError, JobRun, Lane};
use uuid::Uuid;

use crate::{Etl, processing};

/// Maps records that came in with one event, and orders what they become.
///
/// Safe to run twice: its effects and its completion are one transaction, and what a later event overtook is left
/// to that one's job.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ProcessIncomingData {
    pub(crate) account: Uuid,
    pub(crate) records: Vec<Uuid>,
    /// Tells its orders from those of other jobs because of the same event.
    #[serde(default)]
    pub(crate) part: String,
}

#[async_trait]
impl Job for ProcessIncomingData {
    type Context = Etl;
    const KIND: &'static str = "etl.process_incoming_data";
    const LANE: Lane = Lane::Background;

    /// A large import leaves room for the other accounts.
    fn concurrency(&self) -> Option<Concurrency> {
        Some(Concurrency { key: format!("etl:{}", self.account), limit: 2 })
    }

    async fn run(&self, etl: &Etl, run: &mut JobRun) -> Result<(), JobError> {
        let (tx, tally) = processing::process(etl, run, &self.records, &self.part).await?;
        tx.commit().await?;
        let (done, refused) = (tally.done, tally.refused);
        tracing::debug!(account.id = %self.account, done, refused, "records mapped");
        Ok(())
    }
}
