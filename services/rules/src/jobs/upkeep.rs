//! Once a day: what is old goes.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use spine::event::SubjectErased;
use spine::{EventData as _, Job, JobError, JobRun, Lane, Retention, ledger};

use crate::{Rules, store};

/// How long it is remembered which events a rule acted on: longer than any event may come back (`handler.rs`).
const FIRINGS: TimeDelta = TimeDelta::days(90);
/// Longer than any throttle that does not say itself.
const THROTTLES: TimeDelta = TimeDelta::days(367);
/// How long failures are kept.
const FAILURES: TimeDelta = TimeDelta::days(90);

/// What was erased since is emptied again.
const AGAIN: TimeDelta = TimeDelta::days(2);
/// Read at a time.
const PAGE: u32 = 500;

impl Rules {
    /// Empties what is about whoever was erased since a time once more: what was being asked at that very moment was
    /// written after it.
    async fn forget_again(&self, since: DateTime<Utc>) -> Result<(), JobError> {
        let kind = Some(SubjectErased::TYPE.to_owned());
        let mut query = ledger::Query { kind, from: Some(since), ..ledger::Query::default() };
        loop {
            let page = ledger::list(&self.0.spine, &query, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            query.before = Some(last.position);
            let subjects: Vec<String> =
                page.iter().map(|recorded| recorded.event.subject.to_string()).collect();
            let mut tx = self.0.spine.worker_pool().begin().await?;
            store::upkeep::forget_refusals(&mut tx, &subjects).await?;
            store::upkeep::forget(&mut tx, &subjects).await?;
            tx.commit().await?;
            if page.len() < PAGE as usize {
                return Ok(());
            }
        }
    }
}

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
        rules.forget_again(now - AGAIN).await?;
        let mut tx = run.begin().await?;
        store::upkeep::drop_old(tx.conn(), now, now - FIRINGS, now - THROTTLES, now - FAILURES)
            .await?;
        let mut registry = spine::event::Registry::new();
        contracts::events::register(&mut registry);
        for contract in registry.contracts() {
            if let Retention::Days(days) = contract.retention {
                let before = now - TimeDelta::days(days.into());
                store::upkeep::forget_type(tx.conn(), contract.kind, before).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }
}
