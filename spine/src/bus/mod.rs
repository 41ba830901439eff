//! The event bus: a port with two adapters under one contract suite.
//!
//! `embedded` reads the ledger itself; `jetstream` reads what the relay published to NATS
//! JetStream. A durable consumer sees every event of its filter, in ledger order; its handler
//! changes its own rows and schedules jobs in one transaction that also moves the consumer's place
//! in the ledger, so that each event takes effect exactly once.
//!
//! The place of a consumer is kept in Postgres whichever adapter carries the events (see
//! docs/adr/0003): a node can change from one to the other and nothing is lost or done twice.

mod again;
mod consumer;
mod delivery;
mod election;
mod embedded;
mod feed;
mod impatience;
mod jetstream;
mod operate;
mod registrations;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::ledger::{Position, Recorded};
use crate::{Event, Roles, Spine, SpineError, Tx};

pub(crate) use feed::Feed;
#[cfg(feature = "testing")]
pub(crate) use jetstream::stream_name;
pub use jetstream::{Parting, PulledBack, Rebuilt, StreamState, rebuild_stream, stream_state};
pub use operate::{
    ConsumerState, DeadEvent, RelayState, Replay, ReplayRange, consumers, dead_events, drop_dead,
    relay_state, replay, replays, retry_dead,
};
pub(crate) use registrations::Registrations;

/// Which event types a consumer wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Everything.
    All,
    /// These types, by exact name or by a prefix that ends in `*` (`social.*`).
    Types(&'static [&'static str]),
}

impl Filter {
    /// Whether an event of this type passes.
    pub fn admits(&self, kind: &str) -> bool {
        match self {
            Self::All => true,
            Self::Types(patterns) => patterns.iter().any(|pattern| {
                pattern
                    .strip_suffix('*')
                    .map_or(kind == *pattern, |prefix| kind.starts_with(prefix))
            }),
        }
    }
}

/// A durable consumer of events.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Its stable name, `service.purpose`: its place in the stream is kept under it.
    fn name(&self) -> &'static str;

    /// What it wants to see.
    fn filter(&self) -> Filter;

    /// Where it begins when it is new.
    fn begin(&self) -> Begin {
        Begin::First
    }

    /// How long it tries an event that it cannot take.
    fn patience(&self) -> Patience {
        Patience::default()
    }

    /// Takes some events, in order, in one transaction. Safe to run twice.
    ///
    /// Of a single event the transaction carries the cause; of several the handler sets it for
    /// each ([`Tx::set_cause`] with [`Event::as_cause`]).
    ///
    /// # Errors
    /// [`HandlerError::Retry`] rolls back and delivers the same events again later (first as a
    /// batch, then one by one); [`HandlerError::Reject`] puts the event away as dead.
    async fn handle(&self, events: &[Event], tx: &mut Tx) -> Result<(), HandlerError>;
}

/// Where a new consumer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// With the first event ever.
    First,
    /// With what is recorded after it was registered, and perhaps a few events from the moment
    /// before.
    Next,
}

/// How long a consumer tries an event before it puts it away as dead. The database being away does
/// not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How many attempts, of the event alone.
    pub attempts: u16,
    /// The pause after the first attempt; it doubles.
    pub first_pause: Duration,
    /// It does not grow beyond this.
    pub longest_pause: Duration,
}

impl Default for Patience {
    /// Twelve attempts within about five minutes.
    fn default() -> Self {
        Self {
            attempts: 12,
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(60),
        }
    }
}

impl Patience {
    pub(crate) fn pause(&self, attempt: u16) -> Duration {
        let factor = 1_u32 << u32::from(attempt.saturating_sub(1).min(20));
        self.first_pause.saturating_mul(factor).min(self.longest_pause)
    }
}

/// Why a handler did not take its events.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// Again later: something is away.
    #[error("try again: {0}")]
    Retry(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Never again: these events cannot be handled.
    #[error("rejected: {0}")]
    Reject(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<SpineError> for HandlerError {
    fn from(error: SpineError) -> Self {
        Self::Retry(Box::new(error))
    }
}

impl From<sqlx::Error> for HandlerError {
    fn from(error: sqlx::Error) -> Self {
        Self::Retry(Box::new(error))
    }
}

/// Some events on their way to a consumer.
#[derive(Clone, Debug)]
pub(crate) struct EventBatch {
    /// Those that pass its filter, in order; may be none.
    pub(crate) events: Vec<Recorded>,
    /// There is no other one for it up to here.
    pub(crate) end: Position,
}

/// The port: what carries events from the ledger to consumers.
#[async_trait]
pub(crate) trait EventBus: Send + Sync {
    /// Opens the flow of events that pass the filter, after the given place.
    async fn subscribe(
        &self,
        filter: &Filter,
        after: Position,
    ) -> Result<Box<dyn EventSource>, SpineError>;
}

/// A flow of events to one consumer.
#[async_trait]
pub(crate) trait EventSource: Send {
    /// Waits for events after the given place, which never moves back. In ledger order, without
    /// gaps, each once; nothing up to and including `after`.
    async fn next(&mut self, after: Position) -> Result<EventBatch, SpineError>;
}

/// How long what runs may take to end.
const GRACE: Duration = Duration::from_secs(20);

/// At most this many events in one delivery, and about this many bytes.
pub(crate) const BATCH_EVENTS: usize = 256;
pub(crate) const BATCH_BYTES: usize = 4 << 20;

/// Starts what the roles ask of the bus: consumers for workers; the relay and housekeeping for
/// relays. Ends with `cancel`; the tasks finish what they have in hand.
///
/// # Errors
/// Two handlers have one name, or the database is away.
pub async fn start(
    spine: &Spine,
    handlers: Vec<Arc<dyn Handler>>,
    roles: Roles,
    cancel: CancellationToken,
) -> Result<Consumers, SpineError> {
    let mut elected = Vec::new();
    let mut tasks = JoinSet::new();
    if roles.workers {
        spine.registrations().add(spine, &handlers).await?;
        let bus: Arc<dyn EventBus> = match spine.nats() {
            Some(nats) => Arc::new(jetstream::JetStreamBus::new(spine.clone(), nats.clone())),
            None => Arc::new(embedded::EmbeddedBus::new(spine.clone())),
        };
        for handler in &handlers {
            elected.push(consumer::task(spine, &bus, handler));
        }
        tasks.spawn(again::run(spine.clone(), handlers, cancel.clone()));
    }
    if roles.relay {
        if let Some(nats) = spine.nats() {
            elected.push(jetstream::relay(spine, nats));
        }
        tasks.spawn(keep_house(spine.clone(), cancel.clone()));
    }
    if !elected.is_empty() {
        tasks.spawn(election::run(spine.pool().clone(), elected, cancel));
    }
    Ok(Consumers(tasks))
}

/// What runs of the bus in this process.
#[derive(Debug)]
pub struct Consumers(JoinSet<()>);

impl Consumers {
    /// Waits until everything has ended, after the token given to [`start`] was cancelled. What
    /// takes longer than 20 s is cut off: its transaction rolls back, and whoever comes next does
    /// it.
    pub async fn stopped(mut self) {
        let ended = async {
            while let Some(ended) = self.0.join_next().await {
                if let Err(error) = ended {
                    tracing::error!(%error, "a part of the event bus ended badly");
                }
            }
        };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            tracing::warn!("a part of the event bus did not end in time and is cut off");
        }
    }
}

/// Whether every event has been handled by every consumer that this process registered, wherever
/// it runs, and nothing is left to be delivered again.
///
/// # Errors
/// The database failed.
pub async fn idle(spine: &Spine) -> Result<bool, SpineError> {
    spine.registrations().idle(spine).await
}

/// The ledger's newest place where the bus is [`idle`]: two equal answers say that nothing was
/// recorded in between.
///
/// # Errors
/// The database failed.
pub async fn settled_at(spine: &Spine) -> Result<Option<Position>, SpineError> {
    let head = crate::ledger::head(spine).await?;
    Ok(idle(spine).await?.then_some(head))
}

/// Partitions ahead of time and the end of keys whose time is over, every hour.
async fn keep_house(spine: Spine, cancel: CancellationToken) {
    loop {
        if let Err(error) =
            crate::ledger::keep_house(spine.worker_pool(), spine.clock().now()).await
        {
            tracing::warn!(%error, "housekeeping of the ledger failed; again in an hour");
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(3_600)) => {}
        }
    }
}
