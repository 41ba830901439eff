//! One transaction: a service's rows, its events and its jobs, or none of them.

use std::sync::Arc;

use sqlx::{PgConnection, Postgres, Transaction};

use crate::ledger::{self, Pending};
use crate::seal::{Bucket, DataKey};
use crate::wake::JobWake;
use crate::work::{self, Completion, JobOptions, NewJob};
use crate::{
    BatchJob, Cause, EventData, EventId, Job, JobContract, JobId, Retention, Spine, SpineError,
};

/// One statement writes at most this many events, and about this many bytes of payload.
const STATEMENT_EVENTS: usize = 5_000;
const STATEMENT_BYTES: usize = 32 << 20;

/// An open transaction. Events and jobs are collected and written in one statement each at
/// [`Tx::commit`], after which their readers are woken. Dropped without a commit, nothing happened.
pub struct Tx {
    spine: Spine,
    transaction: Transaction<'static, Postgres>,
    cause: Arc<Cause>,
    events: Vec<Pending>,
    jobs: Vec<NewJob>,
    /// The job that this transaction completes.
    completion: Option<Completion>,
    written: Written,
    hooks: Vec<Box<dyn FnOnce() + Send + Sync>>,
}

/// What was written already and takes effect with the commit.
#[derive(Default)]
struct Written {
    events: i32,
    transaction_order: Option<i64>,
    jobs: JobWake,
    keys: Vec<(Bucket, DataKey)>,
    erased: Vec<String>,
}

impl Tx {
    pub(crate) fn new(
        spine: Spine,
        transaction: Transaction<'static, Postgres>,
        cause: Cause,
    ) -> Self {
        Self {
            spine,
            transaction,
            cause: Arc::new(storable_cause(cause)),
            events: Vec::new(),
            jobs: Vec::new(),
            completion: None,
            written: Written::default(),
            hooks: Vec::new(),
        }
    }

    /// The connection, for the service's own statements.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// The spine this transaction belongs to: its clock and its id generators.
    pub fn spine(&self) -> &Spine {
        &self.spine
    }

    /// Why this transaction happens.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// What follows in this transaction happens because of something else (the next item of a
    /// batch).
    pub fn set_cause(&mut self, cause: Cause) {
        self.cause = Arc::new(storable_cause(cause));
    }

    /// Appends an event to the ledger. Later events and jobs of this transaction that should name
    /// it as their cause are scheduled with [`JobOptions::because_of`].
    ///
    /// # Errors
    /// The payload cannot be written as JSON.
    pub fn record<E: EventData>(&mut self, event: &E) -> Result<EventId, SpineError> {
        let id = EventId::new();
        let time = self.spine.clock().now();
        let seal = match (event.sealed_under(), E::RETENTION) {
            (Some(subject), retention) => Some(Bucket::of(&storable(subject), retention, time)),
            (None, Retention::Forever) => None,
            // Nothing personal, yet its time ends: all of the type share their keys.
            (None, retention) => Some(Bucket::of(&format!("type:{}", E::TYPE), retention, time)),
        };
        self.events.push(Pending {
            id,
            kind: E::TYPE,
            source: E::SOURCE,
            subject: storable(event.subject()),
            time,
            cause: Arc::clone(&self.cause),
            data: serde_json::to_vec(event)?,
            seal,
        });
        Ok(id)
    }

    /// Schedules a job, keyed by the cause's event: a repeat is a no-op.
    ///
    /// # Errors
    /// The job cannot be written as JSON.
    pub fn schedule<J: Job>(&mut self, job: &J) -> Result<JobId, SpineError> {
        self.schedule_with(job, JobOptions::default())
    }

    /// Schedules a job with options (time, key, priority).
    ///
    /// # Errors
    /// The job cannot be written as JSON.
    pub fn schedule_with<J: Job>(
        &mut self,
        job: &J,
        options: JobOptions,
    ) -> Result<JobId, SpineError> {
        let job = NewJob::of(job, &self.cause, options, self.spine.clock().now())?;
        Ok(self.enqueue(job))
    }

    /// Schedules an item of a batch job, keyed by the cause's event like [`Tx::schedule`].
    ///
    /// # Errors
    /// The item cannot be written as JSON.
    pub fn schedule_item<J: BatchJob>(
        &mut self,
        item: &J,
        options: JobOptions,
    ) -> Result<JobId, SpineError> {
        let job = NewJob::of_item(item, &self.cause, options, self.spine.clock().now())?;
        Ok(self.enqueue(job))
    }

    /// Schedules a job that another service performs, keyed by the cause's event like [`Tx::schedule`].
    ///
    /// # Errors
    /// The job cannot be written as JSON.
    pub fn order<J: JobContract>(
        &mut self,
        job: &J,
        options: JobOptions,
    ) -> Result<JobId, SpineError> {
        let job = NewJob::ordered(job, &self.cause, options, self.spine.clock().now())?;
        Ok(self.enqueue(job))
    }

    /// Schedules a job that is made already.
    pub(crate) fn enqueue(&mut self, job: NewJob) -> JobId {
        let id = job.id;
        self.jobs.push(job);
        id
    }

    /// Runs `hook` right after the commit, should it come to that: for caches of this process. A
    /// process that dies in between never runs it.
    pub fn on_commit(&mut self, hook: impl FnOnce() + Send + Sync + 'static) {
        self.hooks.push(Box::new(hook));
    }

    /// The commit also completes this job, or fails where its lease was lost.
    pub(crate) fn complete_at_commit(&mut self, completion: Completion) {
        self.completion = Some(completion);
    }

    /// Destroys the keys of subjects: see [`Spine::erase`]. Their dead letters go at the commit.
    pub(crate) async fn destroy_keys(&mut self, subjects: &[String]) -> Result<(), SpineError> {
        // What was recorded about them so far is sealed under the keys that end here. Sealed at the
        // commit, under new ones, it would stay readable for ever.
        self.flush_events().await?;
        let now = self.spine.clock().now();
        let subjects: Vec<String> = subjects.iter().cloned().map(storable).collect();
        // Locked in one order, so that nobody waits in a ring.
        sqlx::query!(
            "WITH ending AS (
               SELECT id FROM spine.subject_key
                WHERE subject = ANY($1::text[]) AND wrapped IS NOT NULL
                ORDER BY subject, bucket
                  FOR UPDATE
             )
             UPDATE spine.subject_key k SET wrapped = NULL, destroyed_at = $2
               FROM ending WHERE k.id = ending.id",
            &subjects,
            now
        )
        .execute(self.conn())
        .await?;
        self.spine.keys().forget_subjects(&subjects);
        self.written.keys.retain(|(bucket, _)| !subjects.iter().any(|s| **s == *bucket.subject));
        self.written.erased.extend(subjects);
        Ok(())
    }

    /// Writes the events and jobs collected so far; they take effect with the commit.
    pub(crate) async fn flush(&mut self) -> Result<(), SpineError> {
        self.flush_events().await?;
        if !self.jobs.is_empty() {
            let jobs = std::mem::take(&mut self.jobs);
            let enqueued = work::enqueue(&mut self.transaction, &jobs).await?;
            self.written.jobs = self.written.jobs | enqueued.wake();
        }
        Ok(())
    }

    async fn flush_events(&mut self) -> Result<(), SpineError> {
        let mut events = std::mem::take(&mut self.events);
        while !events.is_empty() {
            let rest = events.split_off(one_statement(&events));
            let (keys, place) = (self.spine.keys(), self.written.events);
            let appended = ledger::append(&mut self.transaction, keys, &events, place).await?;
            self.written.events += i32::try_from(events.len()).unwrap_or(i32::MAX);
            self.written.transaction_order = Some(appended.transaction_order);
            self.written.keys.extend(appended.keys);
            events = rest;
        }
        Ok(())
    }

    /// Makes it so: on disk when this returns.
    ///
    /// # Errors
    /// The database failed, or the lease of the job that runs in this transaction was lost. In
    /// both cases nothing happened.
    pub async fn commit(mut self) -> Result<(), SpineError> {
        self.flush().await?;
        if !self.written.erased.is_empty() {
            let now = self.spine.clock().now();
            work::discard_about(&mut self.transaction, &self.written.erased, now).await?;
        }
        if let Some(completion) = &self.completion {
            completion.write(&mut self.transaction, self.spine.clock().now()).await?;
        }
        self.transaction.commit().await?;
        if let Some(completion) = &self.completion {
            completion.committed();
        }
        let written = self.written;
        if !written.erased.is_empty() {
            self.spine.forget_payloads();
        }
        self.spine.keys().forget_subjects(&written.erased);
        for (bucket, key) in written.keys {
            self.spine.keys().remember(bucket, key);
        }
        self.spine.wakes().committed(written.transaction_order, written.jobs);
        for hook in self.hooks {
            hook();
        }
        Ok(())
    }

    /// Drops everything of this transaction.
    ///
    /// # Errors
    /// The database failed; it then rolls back by itself.
    pub async fn rollback(self) -> Result<(), SpineError> {
        Ok(self.transaction.rollback().await?)
    }
}

/// How many of the events one statement writes.
fn one_statement(events: &[Pending]) -> usize {
    let mut bytes = 0;
    let fitting = events.iter().take(STATEMENT_EVENTS).take_while(|event| {
        bytes += event.data.len();
        bytes <= STATEMENT_BYTES
    });
    fitting.count().max(1)
}

/// Postgres keeps any text but for the character NUL.
pub(crate) fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

fn storable_cause(mut cause: Cause) -> Cause {
    let texts = [&mut cause.actor, &mut cause.space, &mut cause.purpose, &mut cause.traceparent];
    for text in texts.into_iter().flatten() {
        if text.contains('\0') {
            *text = text.replace('\0', "\u{fffd}");
        }
    }
    cause
}
