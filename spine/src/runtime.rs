//! What a process runs: its jobs, its event handlers, its schedules.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::{BatchJob, Handler, Job, Spine, SpineError};

/// Which parts of the node this process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Serve HTTP. (Read by the node; the spine then also feeds [`Spine::tail`].)
    pub edge: bool,
    /// Run jobs and event handlers.
    pub workers: bool,
    /// Stand for election as the relay, and keep house (partitions, cron, expiry).
    pub relay: bool,
}

/// Collects a process's jobs and handlers, then runs them.
pub struct Runtime {
    spine: Spine,
}

impl Runtime {
    /// An empty runtime.
    pub fn new(spine: Spine) -> Self {
        Self { spine }
    }

    /// Knows how to perform this kind of job.
    #[must_use]
    pub fn job<J: Job>(self, context: Arc<J::Context>) -> Self {
        todo!()
    }

    /// Knows how to perform this kind of batch job.
    #[must_use]
    pub fn batch_job<J: BatchJob>(self, context: Arc<J::Context>) -> Self {
        todo!()
    }

    /// Adds a durable consumer.
    #[must_use]
    pub fn handler(self, handler: impl Handler) -> Self {
        todo!()
    }

    /// Schedules a job by a cron expression (UTC), once over all processes.
    #[must_use]
    pub fn cron<J: Job>(self, name: &'static str, expression: &'static str, job: J) -> Self {
        todo!()
    }

    /// Starts everything this process's roles ask for.
    ///
    /// # Errors
    /// The database or the bus is away.
    pub async fn start(self, roles: Roles) -> Result<Running, SpineError> {
        todo!()
    }
}

/// A runtime at work.
pub struct Running {
    stop: CancellationToken,
}

impl Running {
    /// Stops claiming, lets what runs finish (for at most 20 s), gives leases back.
    pub async fn stop(self) {
        todo!()
    }

    /// Waits until every event is handled and no job is ready or running: for tests.
    pub async fn settle(&self) {
        todo!()
    }
}
