//! Telling Redis again what it lost.

use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use contracts::events::devices::DeviceReported;
use serde::{Deserialize, Serialize};
use spine::{
    Cause, Concurrency, EventData as _, Filter, Job, JobError, JobRun, Lane, Position, ledger,
};

use crate::Present;
use crate::report::Report;
use crate::service::Inner;
use crate::state::{Key, Reading, matters};
use crate::store::{states, turns};

/// How far back reports are told again: for as long as they can be read.
const BACK: TimeDelta = TimeDelta::days(31);
/// Events and states that are read at a time.
const PAGE: u32 = 500;

/// Makes the states and readings again, where what keeps them has lost them: the states that matter from
/// Postgres, everything else from the events of a month. The handler goes on meanwhile: the newer report
/// counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RebuildStates {}

#[async_trait]
impl Job for RebuildStates {
    type Context = Present;
    const KIND: &'static str = "present.rebuild";
    const LANE: Lane = Lane::Interactive;
    const TIMEOUT: Duration = Duration::from_secs(3_600);

    fn concurrency(&self) -> Option<Concurrency> {
        Some(Concurrency { key: "present:rebuild".to_owned(), limit: 1 })
    }

    async fn run(&self, present: &Present, run: &mut JobRun) -> Result<(), JobError> {
        let inner = &present.0;
        if !inner.states.is_whole().await? {
            // Nobody is in the midst of telling: what is removed here is told again below.
            let mut tx = inner.spine.begin(Cause::system()).await?;
            turns::take(tx.conn()).await?;
            inner.states.begin_again().await?;
            tx.commit().await?;
            let states = inner.tell_states().await?;
            let reports = inner.tell_reports().await?;
            inner.states.end_again().await?;
            tracing::info!(states, reports, "the state of now was told again");
        }
        Ok(run.begin().await?.commit().await?)
    }
}

impl Inner {
    /// The states that matter; locked, so that none that ends now comes back.
    async fn tell_states(&self) -> Result<usize, JobError> {
        let mut after = Key { subject: String::new(), facet: String::new() };
        let mut told = 0;
        loop {
            let mut tx = self.spine.begin_worker(Cause::system()).await?;
            let page = states::locked_after(tx.conn(), &after, i64::from(PAGE)).await?;
            let Some(last) = page.last() else { return Ok(told) };
            after = last.key();
            told += page.len();
            self.states.write(tx.conn(), self.spine.clock().now(), &page, &[]).await?;
            tx.commit().await?;
        }
    }

    /// The readings, and the states that matter to nobody but who asks.
    async fn tell_reports(&self) -> Result<usize, JobError> {
        let now = self.spine.clock().now();
        let filter = Filter::Types(&[DeviceReported::TYPE]);
        let begin = ledger::position_at(&self.spine, now - BACK).await?;
        let mut position = begin.map_or(Position::END, Position::before);
        let mut told = 0;
        loop {
            // Read in one's turn: what is erased from now on is forgotten after it was told.
            let mut tx = self.spine.begin(Cause::system()).await?;
            turns::take(tx.conn()).await?;
            let page = ledger::read_after(&self.spine, position, &filter, PAGE).await?;
            if page.events.is_empty() {
                return Ok(told);
            }
            let (mut others, mut readings) = (Vec::new(), Vec::<Reading>::new());
            for recorded in &page.events {
                // What the handler refused is refused here as well.
                let Ok(Some(reported)) = recorded.event.read::<DeviceReported>() else { continue };
                let Some(report) = Report::of(&recorded.event, &reported) else { continue };
                told += 1;
                match matters(&report.key.facet) {
                    true => readings.extend(report.readings),
                    false => others.push(report),
                }
            }
            self.take(&mut tx, &others).await?;
            self.states.write(tx.conn(), now, &[], &readings).await?;
            tx.commit().await?;
            position = page.end;
        }
    }
}
