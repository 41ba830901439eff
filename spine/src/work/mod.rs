//! The durable work system: jobs in Postgres, in three lanes, claimed and completed in batches.
//!
//! A job is enqueued in its caller's transaction ([`enqueue`]) and is unique by its kind, the event
//! that triggered it and its part: a repeat is a no-op, also after the job is done. Workers claim
//! many jobs in one statement, each with a lease and a claim number; completions, failures and
//! lease extensions are written many at a time and fenced by that number, so that a worker that
//! lost its lease changes nothing. Claiming and completing commit without waiting for the disk:
//! losing the last of them only runs a job again. Enqueueing always waits.
//!
//! What is in memory at a time is bounded by bytes as well as by jobs. A job whose worker died is run
//! again; one whose worker dies again and again is tried alone, so that it harms no other. What the
//! database cannot take at the moment is done later and is nobody's failed attempt.
//!
//! States: *ready*, *running* (or claimed ahead by a process), *deferred* until a time, *blocked*
//! because its concurrency key is at its limit, *dead* (kept for a month, unless what it is about is
//! erased). Only ready jobs are in the index that
//! claims read. Done jobs leave the table for `spine.job_done`, a partition a day, without their
//! payload.

pub mod admin;
mod ahead;
mod alarm;
mod claim;
mod complete;
mod cron;
mod enqueue;
mod erased;
mod finish;
mod history;
mod idle;
mod judge;
mod lanes;
mod leases;
mod losses;
mod new_job;
mod perform;
mod run;
mod settings;
mod trial;
mod unit;
mod upkeep;
mod worker;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};

pub use complete::{Completion, complete_in};
pub(crate) use cron::{Schedule, run_due as run_due_schedules};
pub(crate) use enqueue::Scheduling;
pub use enqueue::{Enqueued, enqueue};
pub(crate) use erased::discard_about;
pub(crate) use history::housekeeping;
pub(crate) use idle::is_idle;
pub use new_job::NewJob;
pub(crate) use perform::{Performer, perform_batch, perform_single};
pub use run::JobRun;
pub(crate) use settings::Memory;
pub use settings::WorkSettings;
pub(crate) use worker::{Registry, Workers, start_workers};

use crate::{Cause, EventId, JobId, SpineError, Tx};

/// How soon a job must start. Each lane has workers of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i16)]
pub enum Lane {
    /// At once: something waits for it this second.
    Realtime = 0,
    /// Soon: a person looks at the result.
    Interactive = 1,
    /// When there is time: imports, deliveries, maintenance.
    Background = 2,
}

impl Lane {
    /// All lanes, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Realtime, Self::Interactive, Self::Background];

    /// Its name in logs, settings and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Realtime => "realtime",
            Self::Interactive => "interactive",
            Self::Background => "background",
        }
    }

    /// The lane of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.name() == name)
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    pub(crate) fn from_number(number: i16) -> Self {
        Self::ALL.into_iter().find(|lane| *lane as i16 == number).unwrap_or(Self::Background)
    }
}

/// A durable piece of work: its fields are its payload, stored in the queue.
///
/// Safe to run twice. A job that writes only to Postgres completes inside its own transaction
/// ([`JobRun::begin`], then [`Tx::commit`]) and thereby takes effect exactly once.
#[async_trait]
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The service that performs it.
    type Context: Send + Sync + 'static;
    /// Stored in the queue: never renamed, a new meaning gets a new name. `service.do_this`.
    const KIND: &'static str;
    /// Where it waits.
    const LANE: Lane;
    /// After this many failed attempts it is a dead letter.
    const MAX_ATTEMPTS: u16 = 10;
    /// How long after its worker fell silent another may claim it. A living worker extends the
    /// lease of a long run by itself.
    const LEASE: Duration = Duration::from_secs(60);
    /// A run that takes longer is stopped and counts as a failed attempt.
    const TIMEOUT: Duration = Duration::from_secs(3_600);

    /// Jobs with the same key never run more than `limit` at a time, over all processes.
    fn concurrency(&self) -> Option<Concurrency> {
        None
    }

    /// How long to wait after failed attempt number `attempt` (from 1), before jitter.
    fn backoff(attempt: u16) -> Duration {
        let exponent = u32::from(attempt.min(12));
        Duration::from_secs((1_u64 << exponent).min(3_600))
    }

    /// Does the work.
    ///
    /// # Errors
    /// [`JobError`] says retry (when) or give up.
    async fn run(&self, context: &Self::Context, run: &mut JobRun) -> Result<(), JobError>;
}

/// A job as those know it who schedule it without performing it: a contract between services, like an
/// event type. The service that performs it implements [`Job`] for a transparent wrapper of the same
/// [`JobContract::KIND`].
pub trait JobContract: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Stored in the queue: never renamed, a new meaning gets a new name. `service.do_this`.
    const KIND: &'static str;
    /// Where it waits.
    const LANE: Lane;
    /// After this many failed attempts it is a dead letter.
    const MAX_ATTEMPTS: u16 = 10;
    /// How long after its worker fell silent another may claim it.
    const LEASE: Duration = Duration::from_secs(60);

    /// Jobs with the same key never run more than `limit` at a time, over all processes.
    fn concurrency(&self) -> Option<Concurrency> {
        None
    }
}

/// A job whose items are worth doing many at a time, in one transaction that also completes them.
#[async_trait]
pub trait BatchJob: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The service that performs it.
    type Context: Send + Sync + 'static;
    /// Stored in the queue: never renamed.
    const KIND: &'static str;
    /// Where it waits.
    const LANE: Lane;
    /// After this many failed attempts an item is a dead letter.
    const MAX_ATTEMPTS: u16 = 10;
    /// How long after its worker fell silent another may claim its items.
    const LEASE: Duration = Duration::from_secs(60);
    /// A batch that takes longer is stopped and its items are tried alone.
    const TIMEOUT: Duration = Duration::from_secs(3_600);
    /// At most this many at a time.
    const BATCH: usize = 100;

    /// How long to wait after failed attempt number `attempt` (from 1), before jitter.
    fn backoff(attempt: u16) -> Duration {
        let exponent = u32::from(attempt.min(12));
        Duration::from_secs((1_u64 << exponent).min(3_600))
    }

    /// Does the work for all items, in enqueue order, in `tx`; the worker commits it together with
    /// the completions. An outcome an item: an item that says retry or give up is so marked while
    /// the others complete, so it must have left nothing in the transaction.
    ///
    /// # Errors
    /// The whole batch is rolled back; its items then run alone, each in a batch of one, so that a
    /// poisonous item fails only itself.
    async fn run(
        context: &Self::Context,
        items: &[Claimed<Self>],
        tx: &mut Tx,
    ) -> Result<Vec<Result<(), JobError>>, JobError>
    where
        Self: Sized;
}

/// One claimed item of a [`BatchJob`].
#[derive(Clone, Debug)]
pub struct Claimed<J> {
    /// The job's id.
    pub id: JobId,
    /// Which attempt this is, from 1.
    pub attempt: u16,
    /// Why it was scheduled: set it on the transaction ([`Tx::set_cause`]) before what it records.
    pub cause: Cause,
    /// The payload.
    pub job: J,
}

/// A key of which only so many jobs run at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concurrency {
    /// Such as `host:mastodon.example`.
    pub key: String,
    /// How many at a time.
    pub limit: u16,
}

/// How a job is scheduled where it differs from the default.
#[derive(Clone, Debug, Default)]
pub struct JobOptions {
    /// Not before this time.
    pub run_at: Option<DateTime<Utc>>,
    /// The event that triggers it, where that is not the transaction's cause: with the kind and
    /// `part` its idempotency key. Without any event the job is unique by its own id.
    pub because_of: Option<EventId>,
    /// Tells apart several jobs of one kind for one event (a recipient's host).
    pub part: Option<String>,
    /// Higher goes first within the lane.
    pub priority: i16,
    /// Whom or what the payload is about, where that can be erased ([`Spine::erase`](crate::Spine::erase)):
    /// a payload that nobody may read any more is then not kept as a dead letter.
    pub subject: Option<String>,
}

impl JobOptions {
    /// Triggered by this event.
    pub fn because_of(event: EventId) -> Self {
        Self { because_of: Some(event), ..Self::default() }
    }

    /// One of several jobs of the same kind for the same event.
    #[must_use]
    pub fn part(mut self, part: impl Into<String>) -> Self {
        self.part = Some(part.into());
        self
    }

    /// Its payload is about this, which can be erased.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Not before `time`.
    #[must_use]
    pub fn at(mut self, time: DateTime<Utc>) -> Self {
        self.run_at = Some(time);
        self
    }
}

/// Why a job did not get done.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Again, after the job's backoff.
    #[error("try again: {0}")]
    Retry(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Again, after this time, a second at least; it does not count as a failed attempt, because
    /// nothing was attempted (a limit, a circuit breaker).
    #[error("try again in {} s: {reason}", after.as_secs())]
    RetryAfter {
        /// How long to wait.
        after: Duration,
        /// What it waits for.
        reason: String,
    },
    /// Again, after this time and no sooner than the job's backoff; it counts as a failed attempt.
    /// For whoever was tried and says when to come back: his word never makes a job run faster than
    /// it would have, nor for longer.
    #[error("try again in {} s at least: {reason}", after.as_secs())]
    RetryNotBefore {
        /// How long to wait at least.
        after: Duration,
        /// What the other side said.
        reason: String,
    },
    /// Never: it becomes a dead letter at once.
    #[error("gave up: {0}")]
    GiveUp(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl JobError {
    /// Retry because of this error.
    pub fn retry(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Retry(error.into())
    }

    /// Give up because of this error.
    pub fn give_up(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::GiveUp(error.into())
    }
}

impl From<SpineError> for JobError {
    fn from(error: SpineError) -> Self {
        Self::retry(error)
    }
}

impl From<sqlx::Error> for JobError {
    fn from(error: sqlx::Error) -> Self {
        Self::retry(error)
    }
}
