//! A consumer's flow of events from the stream.
//!
//! Each flow has a consumer of its own on the server that holds nothing: no acknowledgements, no
//! redelivery, in memory, forgotten a minute after its reader is gone. The server numbers what it
//! delivers; a gap in these numbers, a lost heartbeat or anything else that is odd ends the flow,
//! and a new one begins where the consumer is.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull::{Config, Stream as Messages};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};

use super::message::{self, Incoming};
use super::stream::{LedgerStream, subject_prefix};
use super::{agreement, failed};
use crate::bus::{BATCH_BYTES, BATCH_EVENTS, EventBatch, EventSource};
use crate::ledger::{self, Position, Recorded};
use crate::nats::Nats;
use crate::{Filter, Spine, SpineError};

/// How many messages one request asks for.
const PULL: usize = 500;
/// The server says this often that there is nothing.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// The server forgets a flow that nobody reads for so long.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// Reads the stream from where its consumer is.
pub(super) struct StreamSource {
    spine: Spine,
    nats: Nats,
    filter: Filter,
    subjects: Vec<String>,
    flow: Option<Flow>,
}

struct Flow {
    messages: Messages,
    /// The number that the server gives the next message it delivers.
    expected: u64,
    /// Messages that wait until what the ledger has before them is delivered.
    held: Vec<Incoming>,
    /// Whether the ledger was asked if it has anything before the first message.
    joined: bool,
}

impl StreamSource {
    pub(super) fn new(spine: Spine, nats: Nats, filter: Filter) -> Self {
        let subjects = message::subjects(&subject_prefix(spine.namespace()), &filter);
        Self { spine, nats, filter, subjects, flow: None }
    }

    async fn open(&self, after: Position) -> Result<Flow, SpineError> {
        let mut stream = LedgerStream::open(&self.spine, &self.nats).await?;
        let end = agreement::find_end(&self.spine, &mut stream).await?;
        let start = stream.first_after(after, &end.bounds).await?;
        let config = Config {
            description: Some("A durable consumer of a node; its place is in the node".to_owned()),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: start.max(1) },
            ack_policy: AckPolicy::None,
            filter_subjects: self.subjects.clone(),
            inactive_threshold: FORGOTTEN,
            memory_storage: true,
            num_replicas: 1,
            ..Config::default()
        };
        let consumer = stream
            .stream
            .create_consumer(config)
            .await
            .map_err(|error| failed("the stream cannot be read")(&error))?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(PULL)
            .heartbeat(HEARTBEAT)
            .expires(HEARTBEAT * 6)
            .messages()
            .await
            .map_err(|error| failed("the stream cannot be read")(&error))?;
        Ok(Flow { messages, expected: 1, held: Vec::new(), joined: false })
    }

    /// Opens what is sealed with the keys that still exist, and fetches what was too large.
    async fn unseal(&self, incoming: Vec<Incoming>) -> Result<Vec<Recorded>, SpineError> {
        let mut ids: Vec<_> = incoming.iter().filter_map(|one| one.stored.key).collect();
        ids.sort_unstable();
        ids.dedup();
        let pool = self.spine.worker_pool();
        let keys = match ids.is_empty() {
            true => HashMap::new(),
            false => ledger::wrapped_keys(pool, &ids, self.spine.clock().now()).await?,
        };
        let mut events = Vec::with_capacity(incoming.len());
        for one in incoming {
            let position = one.stored.position;
            if one.payload_in_ledger {
                let recorded = ledger::by_id(&self.spine, one.stored.id).await?;
                events.push(recorded.ok_or_else(|| {
                    SpineError::Bus(format!("the bus carries {position}, the ledger does not"))
                })?);
                continue;
            }
            let key = one.stored.key.and_then(|id| keys.get(&id));
            let event = one.stored.open(self.spine.node_key(), key);
            events.push(Recorded { position, event });
        }
        Ok(events)
    }
}

impl Flow {
    /// Waits for a message and takes those that are there already with it.
    async fn take(&mut self) -> Result<Vec<Message>, SpineError> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        let mut next = Some(self.messages.next().await);
        while let Some(message) = next {
            let message = message
                .ok_or_else(|| SpineError::Bus("the flow of messages ended".to_owned()))?
                .map_err(|error| failed("the flow of messages broke")(&error))?;
            let number =
                message.info().map_err(|error| failed("a message")(&error))?.consumer_sequence;
            if number != self.expected {
                let expected = self.expected;
                return Err(SpineError::Bus(format!(
                    "message {number} came instead of {expected}"
                )));
            }
            self.expected += 1;
            bytes += message.payload.len();
            taken.push(message);
            if taken.len() >= BATCH_EVENTS || bytes >= BATCH_BYTES {
                break;
            }
            next = self.messages.next().now_or_never();
        }
        Ok(taken)
    }
}

#[async_trait]
impl EventSource for StreamSource {
    async fn next(&mut self, after: Position) -> Result<EventBatch, SpineError> {
        let mut flow = match self.flow.take() {
            Some(flow) => flow,
            None => self.open(after).await?,
        };
        let mut end = after;
        let mut incoming = std::mem::take(&mut flow.held);
        if incoming.is_empty() {
            for message in flow.take().await? {
                let empty = async_nats::HeaderMap::new();
                let headers = message.headers.as_ref().unwrap_or(&empty);
                let one = message::read(headers, &message.payload)?;
                // What is not after this place was handled before: a repeat.
                if one.stored.position > end {
                    end = one.stored.position;
                    if self.filter.admits(&one.stored.kind) {
                        incoming.push(one);
                    }
                }
            }
        }
        if let Some(first) = incoming.first()
            && !flow.joined
        {
            // A new flow begins where the stream seems to go on from the consumer's place. The
            // ledger knows whether it does: what the stream lacks in between comes from there.
            let first = first.stored.position;
            let limit = u32::try_from(BATCH_EVENTS).unwrap_or(u32::MAX);
            let page = ledger::read_after(&self.spine, after, &self.filter, limit).await?;
            let missing: Vec<_> =
                page.events.into_iter().filter(|one| one.position < first).collect();
            if let Some(last) = missing.last() {
                let end = last.position;
                flow.held = incoming;
                self.flow = Some(flow);
                return Ok(EventBatch { events: missing, end });
            }
            flow.joined = true;
        }
        if let Some(last) = incoming.last() {
            end = end.max(last.stored.position);
        }
        self.flow = Some(flow);
        Ok(EventBatch { events: self.unseal(incoming).await?, end })
    }
}
