//! Once a minute: refusals are put where they are read.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};

use super::evaluate::retry;
use crate::Rules;

/// Puts what was written an event where it is read by the rule, so that whoever reads has little of it to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FoldRefusals {}

#[async_trait]
impl Job for FoldRefusals {
    type Context = Rules;
    const KIND: &'static str = "rules.fold_refusals";
    const LANE: Lane = Lane::Background;

    async fn run(&self, rules: &Rules, _: &mut JobRun) -> Result<(), JobError> {
        rules.fold_refusals().await.map_err(retry)?;
        Ok(())
    }
}
