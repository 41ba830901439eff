//! Continues the Merkle log of the audit entries, every minute.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};

use crate::PolicyService;

/// Sequences the entries that wait and signs the log's head.
///
/// Safe to run twice: what has its place does not wait any more.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct SequenceAudit {}

#[async_trait]
impl Job for SequenceAudit {
    type Context = PolicyService;
    const KIND: &'static str = "policy.sequence_audit";
    const LANE: Lane = Lane::Background;

    async fn run(&self, service: &PolicyService, _: &mut JobRun) -> Result<(), JobError> {
        let sequenced = service.sequence_audit().await?;
        tracing::debug!(sequenced, "the audit log was continued");
        Ok(())
    }
}
