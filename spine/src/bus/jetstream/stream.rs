//! The stream that carries the ledger.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{Compression, Config, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{self, Context, ErrorCode};
use futures_util::future::try_join_all;

use super::failed;
use super::message::{Mark, mark_of};
use crate::ledger::Position;
use crate::nats::Nats;
use crate::{Spine, SpineError};

/// Under this name the stream's metadata says which ledger it carries.
const LEDGER: &str = "sovereign-ledger";
/// Atomic batches of messages came with this version of the server.
const ATOMIC: (i64, i64, i64) = (2, 12, 0);

/// The stream of this node.
pub(super) struct LedgerStream {
    pub(super) context: Context,
    pub(super) stream: Stream,
    /// Whether the server takes messages in atomic batches.
    pub(super) atomic: bool,
}

/// The first part of all subjects of the stream.
pub(super) fn subject_prefix(namespace: &str) -> String {
    format!("{namespace}.ev")
}

/// The name of a node's stream.
pub(crate) fn stream_name(namespace: &str) -> String {
    format!("{namespace}_LEDGER")
}

impl LedgerStream {
    /// Opens the stream; makes it where it is missing.
    ///
    /// # Errors
    /// NATS is away, or the stream carries another node's ledger.
    pub(super) async fn open(spine: &Spine, nats: &Nats) -> Result<Self, SpineError> {
        if let Some(found) = Self::find(spine, nats).await? {
            return Ok(found);
        }
        let context = jetstream::new(nats.client().clone());
        let stream = context
            .create_stream(config(spine, nats))
            .await
            .map_err(|error| failed("the stream cannot be made")(&error))?;
        Self::of(spine, context, stream)
    }

    /// Opens the stream, where there is one.
    ///
    /// # Errors
    /// NATS is away, or the stream carries another node's ledger.
    pub(super) async fn find(spine: &Spine, nats: &Nats) -> Result<Option<Self>, SpineError> {
        let context = jetstream::new(nats.client().clone());
        match context.get_stream(stream_name(spine.namespace())).await {
            Ok(stream) => Self::of(spine, context, stream).map(Some),
            Err(error) if is_missing(&error.kind()) => Ok(None),
            Err(error) => Err(failed("the stream cannot be opened")(&error)),
        }
    }

    fn of(spine: &Spine, context: Context, stream: Stream) -> Result<Self, SpineError> {
        let config = &stream.cached_info().config;
        let ours = spine.ledger_id().to_string();
        if config.metadata.get(LEDGER) != Some(&ours) {
            return Err(SpineError::Settings(format!(
                "the stream {} carries the ledger of another node: choose another namespace",
                config.name
            )));
        }
        let atomic = config.allow_atomic_publish;
        Ok(Self { context, stream, atomic })
    }

    /// The first and the last message's number, and whether there is any.
    pub(super) async fn bounds(&mut self) -> Result<Bounds, SpineError> {
        let info = self.stream.info().await.map_err(|error| failed("the stream")(&error))?;
        let state = &info.state;
        Ok(Bounds {
            first: state.first_sequence,
            last: state.last_sequence,
            empty: state.messages == 0,
        })
    }

    /// Which event one message carries.
    pub(super) async fn mark_at(&self, number: u64) -> Result<Mark, SpineError> {
        let message = self
            .stream
            .direct_get(number)
            .await
            .map_err(|error| failed("a message of the stream cannot be read")(&error))?;
        mark_of(&message.headers)
    }

    /// Which events some messages carry, in their order. All are asked for at once.
    pub(super) async fn marks_at(
        &self,
        numbers: RangeInclusive<u64>,
    ) -> Result<Vec<Mark>, SpineError> {
        let reads: Vec<_> = numbers.map(|number| self.mark_at(number)).collect();
        try_join_all(reads).await
    }

    /// The number of the first message after `position`. Messages are in ledger order, so their
    /// places need only be looked at some twenty times.
    pub(super) async fn first_after(
        &self,
        position: Position,
        bounds: &Bounds,
    ) -> Result<u64, SpineError> {
        if bounds.empty || self.mark_at(bounds.last).await?.position <= position {
            return Ok(bounds.last + 1);
        }
        let (mut low, mut high) = (bounds.first, bounds.last);
        // Everything before `low` is at or before the position; `high` is after it.
        while low < high {
            let middle = low + (high - low) / 2;
            if self.mark_at(middle).await?.position <= position {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

/// What numbers a stream's messages have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) empty: bool,
}

fn is_missing(kind: &GetStreamErrorKind) -> bool {
    matches!(kind, GetStreamErrorKind::JetStream(error)
        if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

fn config(spine: &Spine, nats: &Nats) -> Config {
    let server = nats.client().server_info();
    let (major, minor, patch) = ATOMIC;
    Config {
        name: stream_name(spine.namespace()),
        description: Some("The event ledger of a Sovereign node, for distribution".to_owned()),
        subjects: vec![format!("{}.>", subject_prefix(spine.namespace()))],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        // A cluster that is large enough keeps three copies.
        num_replicas: if server.connect_urls.len() >= 3 { 3 } else { 1 },
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        compression: Some(Compression::S2),
        allow_atomic_publish: nats.client().is_server_compatible(major, minor, patch),
        metadata: HashMap::from([(LEDGER.to_owned(), spine.ledger_id().to_string())]),
        ..Config::default()
    }
}
