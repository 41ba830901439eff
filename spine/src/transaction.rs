//! One transaction: a service's rows, its events and its jobs, or none of them.

use sqlx::{PgConnection, Postgres, Transaction};

use crate::work::JobOptions;
use crate::{Cause, EventData, EventId, Job, JobId, Spine, SpineError};

/// An open transaction. Events and jobs are collected and written in one statement each at
/// [`Tx::commit`], after which their readers are woken. Dropped without a commit, nothing happened.
pub struct Tx {
    spine: Spine,
    transaction: Transaction<'static, Postgres>,
    cause: Cause,
}

impl Tx {
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
        self.cause = cause;
    }

    /// Appends an event to the ledger. Later events and jobs of this transaction that should name
    /// it as their cause are scheduled with [`JobOptions::because_of`].
    ///
    /// # Errors
    /// The payload cannot be written as JSON.
    pub fn record<E: EventData>(&mut self, event: &E) -> Result<EventId, SpineError> {
        todo!()
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
        todo!()
    }

    /// Makes it so: on disk when this returns.
    ///
    /// # Errors
    /// The database failed, or the lease of the job that runs in this transaction was lost. In
    /// both cases nothing happened.
    pub async fn commit(self) -> Result<(), SpineError> {
        todo!()
    }

    /// Drops everything of this transaction.
    ///
    /// # Errors
    /// The database failed; it then rolls back by itself.
    pub async fn rollback(self) -> Result<(), SpineError> {
        Ok(self.transaction.rollback().await?)
    }
}
