//! Forgets which activities were applied, once nobody repeats them any more.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Cause, Job, JobError, JobRun, Lane};

use crate::Social;
use crate::store::inbound_activities;

/// Servers give up deliveries after days; a signature is good for hours.
const KEEP: chrono::Duration = chrono::Duration::days(30);
/// Rows of one transaction.
const BATCH: i64 = 10_000;

/// Deletes old rows of `applied_activity`, some at a time.
#[derive(Debug, Serialize, Deserialize)]
pub struct PruneApplied {}

#[async_trait]
impl Job for PruneApplied {
    type Context = Social;
    const KIND: &'static str = "social.prune_applied";
    const LANE: Lane = Lane::Background;

    async fn run(&self, social: &Social, _run: &mut JobRun) -> Result<(), JobError> {
        let spine = social.spine();
        let before = spine.clock().now() - KEEP;
        loop {
            let mut tx = spine.begin(Cause::system()).await?;
            let gone = inbound_activities::forget_applied(tx.conn(), before, BATCH).await?;
            tx.commit().await?;
            if gone < BATCH.unsigned_abs() {
                return Ok(());
            }
        }
    }
}
