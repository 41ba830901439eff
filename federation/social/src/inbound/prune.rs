//! Forgets which activities were applied, once nobody repeats them any more, and what was deleted
//! before it came, once it will not come any more.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Cause, Job, JobError, JobRun, Lane};

use crate::Social;
use crate::store::{inbound_activities, inbound_tombstones};

/// Servers give up deliveries after days; a signature is good for hours.
const KEEP: chrono::Duration = chrono::Duration::days(30);
/// How much of what was deleted before it came is remembered of all hosts together: a bound on what
/// hosts with many names can make us keep.
const MOST_TOMBSTONES: i64 = 1_000_000;
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

/// Deletes rows of `tombstone` for what was never here, once their time is over or there are too
/// many, some at a time. Those of posts that were here stay.
#[derive(Debug, Serialize, Deserialize)]
pub struct PruneTombstones {}

#[async_trait]
impl Job for PruneTombstones {
    type Context = Social;
    const KIND: &'static str = "social.prune_tombstones";
    const LANE: Lane = Lane::Background;

    async fn run(&self, social: &Social, _run: &mut JobRun) -> Result<(), JobError> {
        let spine = social.spine();
        let now = spine.clock().now();
        loop {
            let mut tx = spine.begin(Cause::system()).await?;
            let expired = inbound_tombstones::forget_expired(tx.conn(), now, BATCH).await?;
            let surplus =
                inbound_tombstones::forget_surplus(tx.conn(), MOST_TOMBSTONES, BATCH).await?;
            tx.commit().await?;
            if expired.max(surplus) < BATCH.unsigned_abs() {
                return Ok(());
            }
        }
    }
}
