//! Erases what a source's owner does not want to be known any more.

use async_trait::async_trait;
use contracts::jobs::EraseEntities;
use serde::{Deserialize, Serialize};
use spine::{Concurrency, Job, JobContract, JobError, JobRun, Lane};

use crate::Data;
use crate::erase::{Scope, forget};

/// [`EraseEntities`], as it is performed here.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Erase(EraseEntities);

#[async_trait]
impl Job for Erase {
    type Context = Data;
    const KIND: &'static str = EraseEntities::KIND;
    const LANE: Lane = EraseEntities::LANE;

    fn concurrency(&self) -> Option<Concurrency> {
        self.0.concurrency()
    }

    async fn run(&self, _: &Data, run: &mut JobRun) -> Result<(), JobError> {
        let mut tx = run.begin().await?;
        forget(&mut tx, &Scope::Keys(self.0.keys.clone())).await?;
        Ok(tx.commit().await?)
    }
}
