//! The event bus: a port with two adapters under one contract suite.
//!
//! `embedded` reads the ledger itself; `jetstream` reads what the relay published to NATS
//! JetStream. A durable consumer sees every event of its filter at least once, in ledger order; its
//! handler changes its own rows and schedules jobs in one transaction that also remembers the event
//! ids, so that each takes effect exactly once.

use async_trait::async_trait;

use crate::{Event, SpineError, Tx};

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

    /// Takes some events, in order, in one transaction. Safe to run twice.
    ///
    /// # Errors
    /// [`HandlerError::Retry`] rolls back and delivers the same events again later (first as a
    /// batch, then one by one); [`HandlerError::Reject`] puts the event away as dead.
    async fn handle(&self, events: &[Event], tx: &mut Tx) -> Result<(), HandlerError>;
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
