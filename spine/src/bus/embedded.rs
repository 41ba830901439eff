//! The embedded adapter: consumers read the ledger itself.

use async_trait::async_trait;

use super::{BATCH_BYTES, BATCH_EVENTS, EventBatch, EventBus, EventSource};
use crate::ledger::{self, Position};
use crate::{Filter, Spine, SpineError};

/// The bus of a node without a NATS.
pub(super) struct EmbeddedBus {
    spine: Spine,
}

impl EmbeddedBus {
    pub(super) fn new(spine: Spine) -> Self {
        Self { spine }
    }
}

#[async_trait]
impl EventBus for EmbeddedBus {
    async fn subscribe(
        &self,
        filter: &Filter,
        _after: Position,
    ) -> Result<Box<dyn EventSource>, SpineError> {
        Ok(Box::new(LedgerSource { spine: self.spine.clone(), filter: filter.clone() }))
    }
}

/// Reads the process's shared ring, or the ledger where the consumer is too far behind for it.
struct LedgerSource {
    spine: Spine,
    filter: Filter,
}

#[async_trait]
impl EventSource for LedgerSource {
    async fn next(&mut self, after: Position) -> Result<EventBatch, SpineError> {
        let feed = self.spine.feed();
        let mut head = feed.head();
        loop {
            let seen = *head.borrow_and_update();
            let Some(seen) = seen else {
                changed(&mut head).await?;
                continue;
            };
            match feed.after(after, &self.filter, BATCH_EVENTS, BATCH_BYTES) {
                Some(batch) if batch.events.is_empty() && batch.end <= after => {
                    changed(&mut head).await?;
                }
                Some(batch) => return Ok(batch),
                None => {
                    let limit = u32::try_from(BATCH_EVENTS).unwrap_or(u32::MAX);
                    let page = ledger::read_after(&self.spine, after, &self.filter, limit).await?;
                    // A page that is not full reaches at least as far as the shared reader did
                    // before it was read.
                    let end = if page.full { page.end } else { page.end.max(seen) };
                    return Ok(EventBatch { events: page.events, end });
                }
            }
        }
    }
}

async fn changed<T>(receiver: &mut tokio::sync::watch::Receiver<T>) -> Result<(), SpineError> {
    receiver.changed().await.map_err(|_| SpineError::Bus("the reader has stopped".to_owned()))
}
