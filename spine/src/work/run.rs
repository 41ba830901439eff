//! One run of a job, as the job sees it.

use super::Completion;
use crate::{Cause, JobId, Spine, SpineError, Tx};

/// One run of a [`crate::Job`].
pub struct JobRun {
    spine: Spine,
    id: JobId,
    attempt: u16,
    cause: Cause,
    completion: Completion,
}

impl JobRun {
    pub(crate) fn new(
        spine: Spine,
        id: JobId,
        attempt: u16,
        cause: Cause,
        completion: Completion,
    ) -> Self {
        Self { spine, id, attempt, cause, completion }
    }

    /// The job's id.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// Which attempt this is, from 1. What does not count as a failed attempt does not count here.
    pub fn attempt(&self) -> u16 {
        self.attempt
    }

    /// Why it was scheduled.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The spine it runs on.
    pub fn spine(&self) -> &Spine {
        &self.spine
    }

    /// Opens the transaction that holds the job's effects AND its completion, fenced by its
    /// claim: committing it completes the job; if another worker claimed the job meanwhile, the
    /// commit fails with [`SpineError::LeaseLost`] and nothing happened. May be called once.
    ///
    /// # Errors
    /// The database is away.
    pub async fn begin(&mut self) -> Result<Tx, SpineError> {
        let mut tx = self.spine.begin_worker(self.cause.clone()).await?;
        tx.complete_at_commit(self.completion.clone());
        Ok(tx)
    }
}
