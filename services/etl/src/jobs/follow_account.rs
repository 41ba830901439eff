//! Has what came in before follow its account, a part at a time.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Concurrency, Job, JobError, JobOptions, JobRun, Lane};
use uuid::Uuid;

use super::ProcessIncomingData;
use crate::{Etl, store};

/// Records of one part.
const PART: i64 = 500;

/// The account brings its records elsewhere from now on, with other labels or under another consent: the records
/// that came before go along, and are mapped again. A source that only tells what is new would leave them behind.
///
/// The part that begins after the given record; it schedules the next one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FollowAccount {
    pub(crate) account: Uuid,
    pub(crate) after: Option<Uuid>,
}

impl FollowAccount {
    /// How it is scheduled: each part once.
    pub(crate) fn options(&self) -> JobOptions {
        let after = self.after.map_or_else(String::new, |after| after.to_string());
        JobOptions::default().part(format!("{}/{after}", self.account))
    }
}

#[async_trait]
impl Job for FollowAccount {
    type Context = Etl;
    const KIND: &'static str = "etl.follow_account";
    const LANE: Lane = Lane::Background;

    fn concurrency(&self) -> Option<Concurrency> {
        Some(Concurrency { key: format!("etl.follow:{}", self.account), limit: 1 })
    }

    async fn run(&self, etl: &Etl, run: &mut JobRun) -> Result<(), JobError> {
        let pool = etl.spine().worker_pool();
        let ids = store::accounts::next(pool, self.account, self.after, PART).await?;
        let Some(last) = ids.last().copied() else { return Ok(()) };
        let next = Self { account: self.account, after: Some(last) };
        let mut tx = run.begin().await?;
        let mut records = store::accounts::follow(tx.conn(), self.account, &ids).await?;
        if !records.is_empty() {
            records.sort_unstable();
            let part = format!("follow/{last}/");
            ProcessIncomingData { account: self.account, records, part }.schedule(&mut tx)?;
        }
        tx.schedule_with(&next, next.options())?;
        Ok(tx.commit().await?)
    }
}
