//! The stream that carries the ledger.

use std::collections::HashMap;

use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{Compression, Config, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{self, Context, ErrorCode};

use super::failed;
use super::message::place_of;
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
        let context = jetstream::new(nats.client().clone());
        let name = stream_name(spine.namespace());
        let stream = match context.get_stream(&name).await {
            Ok(stream) => stream,
            Err(error) if is_missing(&error.kind()) => {
                let config = config(spine, nats);
                context
                    .create_stream(config)
                    .await
                    .map_err(|error| failed("the stream cannot be made")(&error))?
            }
            Err(error) => return Err(failed("the stream cannot be opened")(&error)),
        };
        let config = &stream.cached_info().config;
        let ours = spine.ledger_id().to_string();
        if config.metadata.get(LEDGER) != Some(&ours) {
            return Err(SpineError::Settings(format!(
                "the stream {name} carries the ledger of another node: choose another namespace"
            )));
        }
        let atomic = config.allow_atomic_publish;
        Ok(Self { context, stream, atomic })
    }

    /// How many messages are in it: the first and the last one's number; `None` where it is empty.
    pub(super) async fn bounds(&mut self) -> Result<Bounds, SpineError> {
        let info = self.stream.info().await.map_err(|error| failed("the stream")(&error))?;
        let state = &info.state;
        Ok(Bounds {
            first: state.first_sequence,
            last: state.last_sequence,
            empty: state.messages == 0,
        })
    }

    /// The place in the ledger of one message.
    pub(super) async fn place_at(&self, sequence: u64) -> Result<Position, SpineError> {
        let message = self
            .stream
            .direct_get(sequence)
            .await
            .map_err(|error| failed("a message of the stream cannot be read")(&error))?;
        place_of(&message.headers)
    }

    /// The number of the first message after `position`. Messages are in ledger order, so their
    /// places need only be looked at some twenty times.
    pub(super) async fn first_after(
        &self,
        position: Position,
        bounds: &Bounds,
    ) -> Result<u64, SpineError> {
        if bounds.empty || self.place_at(bounds.last).await? <= position {
            return Ok(bounds.last + 1);
        }
        let (mut low, mut high) = (bounds.first, bounds.last);
        // Everything before `low` is at or before the position; `high` is after it.
        while low < high {
            let middle = low + (high - low) / 2;
            if self.place_at(middle).await? <= position {
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

/// Deletes the stream; the relay then makes it anew from the ledger. For a stream that went another
/// way than the ledger, as after the database was restored from a backup that is older than the
/// stream: what only the stream has is lost with it.
///
/// # Errors
/// NATS is away, the stream carries another node's ledger, or this node has no NATS.
pub async fn rebuild_stream(spine: &Spine) -> Result<(), SpineError> {
    let Some(nats) = spine.nats() else {
        return Err(SpineError::Settings("this node has no NATS".to_owned()));
    };
    let opened = LedgerStream::open(spine, nats).await?;
    opened
        .context
        .delete_stream(stream_name(spine.namespace()))
        .await
        .map_err(|error| failed("the stream cannot be deleted")(&error))?;
    Ok(())
}
