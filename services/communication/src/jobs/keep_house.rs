//! What need not be remembered any longer is forgotten.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::events::communication::DeliveryUpdated;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};

use crate::message::Status;
use crate::{Communication, store};

/// How long a service's word waits for the message that it is about.
const EARLY: TimeDelta = TimeDelta::days(7);

/// How long a job may have a message that was erased; dead letters are kept for a month.
const ERASED: TimeDelta = TimeDelta::days(40);
/// A message that is not sent within a day is not sent at all; one that still waits then was left by its job.
const LEFT: TimeDelta = TimeDelta::hours(26);
/// How many of them are ended in one transaction.
const BATCH: i64 = 200;

/// Forgets words about messages that never became known, and ends messages that nobody sends any more.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeepHouse {}

#[async_trait]
impl Job for KeepHouse {
    type Context = Communication;
    const KIND: &'static str = "communication.keep_house";
    const LANE: Lane = Lane::Background;

    async fn run(&self, communication: &Communication, run: &mut JobRun) -> Result<(), JobError> {
        let now = run.spine().clock().now();
        let pool = communication.0.spine.worker_pool();
        let forgotten = store::leftovers::forget_early(pool, now - EARLY).await?;
        let erased = store::erased::forget(pool, now - ERASED).await?;
        let mut left = 0;
        while let ended @ 1.. = end_left(run, now).await? {
            left += ended;
        }
        if left > 0 {
            tracing::warn!(left, "messages that waited to be sent were left by their jobs");
        }
        tracing::debug!(forgotten, erased, "the communication's house is kept");
        Ok(())
    }
}

async fn end_left(run: &JobRun, now: DateTime<Utc>) -> Result<usize, JobError> {
    let mut tx = run.spine().begin_worker(run.cause().clone()).await?;
    let ended = store::outgoing::end_left(tx.conn(), now - LEFT, now, BATCH).await?;
    for message in &ended {
        tx.record(&DeliveryUpdated {
            message: message.id,
            channel: message.channel.unwrap_or_default(),
            status: Status::Failed.name().to_owned(),
            detail: message.detail.clone(),
            at: now,
        })?;
    }
    tx.commit().await?;
    Ok(ended.len())
}
