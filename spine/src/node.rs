//! The spine of one process: its connections, its clock, its ids.

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::PgPool;
use tokio_stream::wrappers::BroadcastStream;

use crate::{Cause, Clock, Event, Snowflakes, SpineError, Tx};

/// What the spine needs to know.
#[derive(Clone, Debug)]
pub struct SpineSettings {
    /// `postgres://…`
    pub database_url: String,
    /// Most connections this process opens for requests, and as many again for workers.
    pub connections: u32,
    /// The file with the node's own key (32 bytes, made at first start, mode 0600).
    pub key_file: PathBuf,
    /// Prefix of everything this node has on a shared NATS; letters, digits, `-`, `_`.
    pub namespace: String,
    /// `nats://…`: the JetStream adapter. `None`: the embedded adapter.
    pub nats_url: Option<String>,
}

/// The spine of one process. Cheap to clone.
#[derive(Clone)]
pub struct Spine(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) snowflakes: Snowflakes,
}

impl Spine {
    /// Connects, brings the spine's own schema up to date and takes a process number.
    ///
    /// # Errors
    /// The database or the key file cannot be reached or used.
    pub async fn connect(settings: SpineSettings, clock: Clock) -> Result<Self, SpineError> {
        todo!()
    }

    /// The pool, for reads outside a transaction.
    pub fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The maker of 64-bit ids.
    pub fn snowflakes(&self) -> &Snowflakes {
        &self.0.snowflakes
    }

    /// Opens a transaction.
    ///
    /// # Errors
    /// The database is away.
    pub async fn begin(&self, cause: Cause) -> Result<Tx, SpineError> {
        todo!()
    }

    /// Destroys every key of a subject: whatever was sealed under it is unreadable from now on, in
    /// every copy of the log. Part of the given transaction.
    ///
    /// # Errors
    /// The database failed.
    pub async fn erase(tx: &mut Tx, subject: &str) -> Result<(), SpineError> {
        todo!()
    }

    /// Seals bytes (a private key, a token) under the node's own key, for storage in the database.
    ///
    /// # Errors
    /// The system's randomness failed.
    pub fn seal_secret(&self, plain: &[u8]) -> Result<Vec<u8>, SpineError> {
        todo!()
    }

    /// Opens what [`Spine::seal_secret`] sealed.
    ///
    /// # Errors
    /// It was sealed under another key, or changed.
    pub fn open_secret(&self, sealed: &[u8]) -> Result<Vec<u8>, SpineError> {
        todo!()
    }

    /// Events from now on, as the bus delivers them, for live connections. A reader that lags
    /// behind is told how many it missed.
    pub fn tail(&self) -> BroadcastStream<Event> {
        todo!()
    }

    /// Whether the database, the bus and the disk answer, for the health check.
    ///
    /// # Errors
    /// What is away.
    pub async fn health(&self) -> Result<(), SpineError> {
        todo!()
    }
}
