//! Once a day: what is old goes.

use async_trait::async_trait;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};

use crate::{Rules, store};

/// How long it is remembered which events a rule acted on: longer than any event may come back (`handler.rs`).
const FIRINGS: TimeDelta = TimeDelta::days(90);
/// Longer than any throttle.
const THROTTLES: TimeDelta = TimeDelta::days(367);
/// How long failures are kept.
const FAILURES: TimeDelta = TimeDelta::days(90);

/// Drops what is old.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DropOld {}

#[async_trait]
impl Job for DropOld {
    type Context = Rules;
    const KIND: &'static str = "rules.drop_old";
    const LANE: Lane = Lane::Background;

    async fn run(&self, rules: &Rules, run: &mut JobRun) -> Result<(), JobError> {
        let now = rules.0.spine.clock().now();
        let mut tx = run.begin().await?;
        store::outcomes::drop_old(tx.conn(), now - FIRINGS, now - THROTTLES, now - FAILURES)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}
