//! Maps what came in.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Concurrency, Job, JobError, JobRun, Lane};
use uuid::Uuid;

use crate::{Etl, processing, store};

/// Maps records that came in with one event, and orders what they become.
///
/// Safe to run twice: its effects and its completion are one transaction, and what a later event overtook is left
/// to that one's job.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ProcessIncomingData {
    pub(crate) account: Uuid,
    pub(crate) records: Vec<Uuid>,
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
        let records = store::processing::load(etl.spine().worker_pool(), &self.records).await?;
        let outcomes = processing::map(etl, records).await?;
        let mut tx = run.begin().await?;
        let tally = processing::settle(&mut tx, outcomes, "").await?;
        tx.commit().await?;
        let (done, refused) = (tally.done, tally.refused);
        tracing::debug!(account.id = %self.account, done, refused, "records mapped");
        Ok(())
    }
}
