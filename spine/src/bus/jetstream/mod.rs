//! The JetStream adapter: the relay publishes the ledger to a stream, consumers read the stream.
//!
//! The ledger is the record and the stream a copy for distribution: it is in ledger order, without
//! gaps, and can be made anew from the ledger at any time. Its messages carry their place in the
//! ledger, and consumers keep theirs in Postgres, so a consumer reads the stream with a light
//! consumer of its own that begins where it left off: nothing depends on what the server
//! remembers of acknowledgements.

mod agreement;
mod message;
mod publish;
mod rebuild;
mod relay;
mod source;
mod stream;

use async_trait::async_trait;

pub use agreement::Parting;
pub use rebuild::{PulledBack, Rebuilt, StreamState, rebuild_stream, stream_state};
pub(super) use relay::relay;
#[cfg(feature = "testing")]
pub(crate) use stream::stream_name;

use super::{EventBus, EventSource};
use crate::ledger::Position;
use crate::nats::Nats;
use crate::{Filter, Spine, SpineError};

/// The bus of a node with a NATS.
pub(super) struct JetStreamBus {
    spine: Spine,
    nats: Nats,
}

impl JetStreamBus {
    pub(super) fn new(spine: Spine, nats: Nats) -> Self {
        Self { spine, nats }
    }
}

#[async_trait]
impl EventBus for JetStreamBus {
    async fn subscribe(
        &self,
        filter: &Filter,
        _after: Position,
    ) -> Result<Box<dyn EventSource>, SpineError> {
        let source =
            source::StreamSource::new(self.spine.clone(), self.nats.clone(), filter.clone());
        Ok(Box::new(source))
    }
}

/// Any failure of NATS, with what was tried.
fn failed(what: &'static str) -> impl Fn(&dyn std::fmt::Display) -> SpineError {
    move |error| SpineError::Bus(format!("{what}: {error}"))
}
