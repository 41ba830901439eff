//! What starts as one: a job, or some of one batch kind.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Performer;
use super::finish::Finished;
use super::leases::Leases;
use super::perform::{Assignment, Outcome};
use crate::{JobId, Spine};

/// Bytes of payload that are performed as one. Payloads become values many times their size, all of
/// a batch at once.
const UNIT_BYTES: usize = 1 << 20;

/// A job, or some of one batch kind, in the order they were enqueued.
pub(crate) struct Unit {
    performer: Arc<dyn Performer>,
    items: Vec<Assignment>,
    bytes: usize,
}

impl Unit {
    pub(crate) fn of(performer: Arc<dyn Performer>, item: Assignment) -> Self {
        let bytes = item.payload.len();
        Self { performer, items: vec![item], bytes }
    }

    /// How many jobs it holds.
    pub(crate) fn jobs(&self) -> usize {
        self.items.len()
    }

    /// How many bytes their payloads have.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Of which kind they are.
    pub(crate) fn kind(&self) -> &'static str {
        self.performer.kind()
    }

    /// Whether another item of its kind fits in.
    pub(crate) fn has_room_for(&self, item: &Assignment) -> bool {
        self.items.len() < self.performer.batch() && self.bytes + item.payload.len() <= UNIT_BYTES
    }

    pub(crate) fn push(&mut self, item: Assignment) {
        self.bytes += item.payload.len();
        self.items.push(item);
    }

    /// Which claims it holds.
    pub(crate) fn claims(&self) -> impl Iterator<Item = (JobId, i32)> {
        self.items.iter().map(|item| (item.id, item.claim))
    }

    /// Performs those whose leases still hold.
    pub(crate) async fn perform(
        mut self,
        spine: &Spine,
        leases: &Leases,
        abort: &CancellationToken,
    ) -> Vec<Finished> {
        let lost = CancellationToken::new();
        let claims: Vec<_> = self.claims().collect();
        let mut held = leases.start(&claims, &lost).into_iter();
        self.items.retain(|_| held.next().unwrap_or(false));
        let Self { performer, items, .. } = self;
        let outcomes = tokio::select! {
            biased;
            () = abort.cancelled() => items.iter().map(|_| Outcome::GivenBack).collect(),
            // Those whose lease holds after all run again when it expires.
            () = lost.cancelled() => items.iter().map(|_| Outcome::GivenBack).collect(),
            outcomes = performer.perform(spine, &items) => outcomes,
        };
        let finish = |(item, outcome): (Assignment, Outcome)| Finished {
            id: item.id,
            claim: item.claim,
            kind: performer.kind(),
            failures: item.failures,
            max_attempts: item.max_attempts,
            key: item.key,
            outcome,
        };
        items.into_iter().zip(outcomes).map(finish).collect()
    }
}
