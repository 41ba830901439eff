//! Finishing: outcomes are written many at a time, in the order they come.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::mpsc;

use super::alarm::Alarm;
use super::claim::unblock;
use super::complete::{Setback, Undone, complete_many, set_back};
use super::erased::discard_erased;
use super::leases::Leases;
use super::perform::Outcome;
use crate::wake::Wakes;
use crate::{Clock, JobId, SpineError};

/// An attempt that ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) id: JobId,
    pub(crate) claim: i32,
    pub(crate) kind: &'static str,
    pub(crate) failures: u16,
    pub(crate) max_attempts: u16,
    pub(crate) key: Option<String>,
    pub(crate) outcome: Outcome,
}

/// Most outcomes in one statement.
const MOST: usize = 1_000;
/// An error text is kept up to this many bytes.
const ERROR_BYTES: usize = 4_000;

/// Writes outcomes until every sender is gone. While one write is under way the next gathers.
pub(crate) struct Finisher {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) leases: Arc<Leases>,
    pub(crate) alarm: Arc<Alarm>,
    pub(crate) wakes: Arc<Wakes>,
}

impl Finisher {
    pub(crate) async fn run(self, mut finished: mpsc::Receiver<Vec<Finished>>) {
        let mut groups = Vec::new();
        while finished.recv_many(&mut groups, MOST).await > 0 {
            let mut all: Vec<Finished> = groups.drain(..).flatten().collect();
            while !all.is_empty() {
                let rest = all.split_off(all.len().min(MOST));
                self.write_until_written(all).await;
                all = rest;
            }
        }
    }

    /// Tries until the database takes it. Meanwhile the leases may expire: then these jobs run
    /// again elsewhere, which they are made for.
    async fn write_until_written(&self, finished: Vec<Finished>) {
        let mut done = Vec::new();
        let mut undone = Vec::new();
        for one in &finished {
            match self.judge(one) {
                Verdict::Done => done.push((one.id, one.claim)),
                Verdict::Undone(job) => undone.push(job),
                Verdict::Nothing => {}
            }
        }
        let mut wait = Duration::from_millis(50);
        while let Err(error) = self.write(&mut done, &mut undone).await {
            tracing::warn!(%error, "outcomes of jobs could not be written; trying again");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(5));
        }
        self.leases.drop_held(finished.iter().map(|one| (one.id, one.claim)));
        let keys: Vec<_> = finished.into_iter().filter_map(|one| one.key).collect();
        if !keys.is_empty() {
            match unblock(&self.pool, &keys).await {
                Ok(lanes) => self.wakes.jobs_ready(lanes.into_iter().collect()),
                // The sweep of blocked keys finds them.
                Err(error) => tracing::warn!(%error, "the next jobs of a key wait for the sweep"),
            }
        }
    }

    async fn write(
        &self,
        done: &mut Vec<(JobId, i32)>,
        undone: &mut Vec<Undone>,
    ) -> Result<(), SpineError> {
        if done.is_empty() && undone.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let mut conn = self.pool.acquire().await?;
        if !done.is_empty() {
            let completed = complete_many(&mut conn, done, now).await?;
            if completed < done.len() {
                tracing::warn!(lost = done.len() - completed, "jobs were done after their lease");
            }
            done.clear();
        }
        if !undone.is_empty() {
            set_back(&mut conn, undone, now).await?;
            let dead = |job: &&Undone| matches!(job.setback, Setback::Dead { .. });
            let dead: Vec<_> = undone.iter().filter(dead).map(|job| job.id).collect();
            if !dead.is_empty() {
                discard_erased(&mut conn, &dead, now).await?;
            }
            undone.clear();
        }
        Ok(())
    }

    fn judge(&self, one: &Finished) -> Verdict {
        let now = self.clock.now();
        let failures = one.failures.saturating_add(1);
        let (setback, error) = match &one.outcome {
            Outcome::Done => return Verdict::Done,
            Outcome::Completed | Outcome::Lost => return Verdict::Nothing,
            Outcome::GivenBack => (Setback::GivenBack, None),
            Outcome::Failed { error, .. } if failures >= one.max_attempts => {
                tracing::error!(
                    job.id = %one.id, job.kind = one.kind, attempts = failures, %error,
                    "a job failed for the last time: dead letter"
                );
                (Setback::Dead { failures }, Some(error))
            }
            Outcome::Failed { after, error } => {
                tracing::warn!(
                    job.id = %one.id, job.kind = one.kind, attempts = failures, %error,
                    again_in_ms = after.as_millis(), "a job failed"
                );
                (Setback::Later { at: now + *after, failures }, Some(error))
            }
            Outcome::Postponed { after, reason } => {
                tracing::debug!(job.id = %one.id, job.kind = one.kind, reason, "postponed");
                (Setback::Later { at: now + *after, failures: one.failures }, Some(reason))
            }
            Outcome::GaveUp { error } => {
                tracing::error!(
                    job.id = %one.id, job.kind = one.kind, %error, "a job gave up: dead letter"
                );
                (Setback::Dead { failures }, Some(error))
            }
        };
        if let Setback::Later { at, .. } = &setback {
            self.alarm.no_later_than(*at);
        }
        Verdict::Undone(Undone {
            id: one.id,
            claim: one.claim,
            setback,
            error: error.map(|text| storable(text)),
        })
    }
}

enum Verdict {
    Done,
    Undone(Undone),
    Nothing,
}

/// Without NUL, which Postgres refuses in text, and not too long.
fn storable(text: &str) -> String {
    let text = text.replace('\0', "\u{fffd}");
    match text.char_indices().find(|(at, _)| *at > ERROR_BYTES) {
        Some((at, _)) => format!("{} …", &text[..at]),
        None => text,
    }
}
