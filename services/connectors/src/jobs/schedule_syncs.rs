//! Accounts whose time has come.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobOptions, JobRun, Lane};

use super::SyncAccount;
use crate::{Connectors, Trigger, store};

/// Begins a run of every account that is due: once, however many times passed while no process was up.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ScheduleSyncs {}

#[async_trait]
impl Job for ScheduleSyncs {
    type Context = Connectors;
    const KIND: &'static str = "connectors.schedule_syncs";
    const LANE: Lane = Lane::Background;

    async fn run(&self, _: &Connectors, run: &mut JobRun) -> Result<(), JobError> {
        let now = run.spine().clock().now();
        let mut tx = run.begin().await?;
        for account in store::sync::take_due(tx.conn(), now).await? {
            let sync = SyncAccount::first(account, Trigger::Schedule);
            tx.schedule_with(&sync, JobOptions::default().part(sync.run.to_string()))?;
        }
        Ok(tx.commit().await?)
    }
}
