//! The ledger's end, read once for everyone in this process.
//!
//! Consumers of the embedded bus and live connections share one reader, so that a commit costs one
//! read however many are interested. Recent events are kept in a ring; whoever is further behind
//! reads the ledger itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::EventBatch;
use super::impatience::Impatience;
use crate::database::in_time;
use crate::event::SubjectErased;
use crate::ledger::{self, Patterns, Position, Recorded};
use crate::seal::NodeKey;
use crate::{Clock, Event, EventData, Filter, SpineError};

/// How many events one read takes.
const READ: u32 = 500;
/// How long one read may take before its connection is given up.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many events the ring keeps, and how many bytes of payload.
const RING_EVENTS: usize = 8_192;
const RING_BYTES: usize = 16 << 20;
/// How many events a slow live connection may lag behind.
const LIVE: usize = 2_048;
/// How far back the reader begins, so that what is committed while it starts is not missed.
const OVERLAP_MILLISECONDS: u64 = 10_000;

/// The shared reader.
pub(crate) struct Feed {
    ring: Mutex<Ring>,
    /// Everything up to here has been read; `None` until the reader has begun.
    head: watch::Sender<Option<Position>>,
    live: broadcast::Sender<Event>,
}

struct Ring {
    /// All events after this place, up to the head, are in the ring.
    start: Position,
    events: VecDeque<Recorded>,
    bytes: usize,
}

impl Feed {
    /// Starts reading; ends with `stop`.
    pub(crate) fn start(
        pool: PgPool,
        node: Arc<NodeKey>,
        clock: Clock,
        wakes: watch::Receiver<i64>,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let feed = Arc::new(Self {
            ring: Mutex::new(Ring { start: Position::START, events: VecDeque::new(), bytes: 0 }),
            head: watch::Sender::new(None),
            live: broadcast::Sender::new(LIVE),
        });
        let all = Patterns::from(&Filter::All);
        let impatience = Impatience::new(wakes);
        let reader = Reader { pool, node, clock, impatience, feed: Arc::clone(&feed), all };
        // Ids are made in the order of time: what is news has a greater one.
        let started = Uuid::now_v7();
        tokio::spawn(async move {
            stop.run_until_cancelled(reader.run(started)).await;
        });
        feed
    }

    /// Live events from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.live.subscribe()
    }

    /// How far the reader is.
    pub(crate) fn head(&self) -> watch::Receiver<Option<Position>> {
        self.head.subscribe()
    }

    /// The events after `position` that pass the filter; `None` where the ring does not go back
    /// that far.
    pub(crate) fn after(
        &self,
        position: Position,
        filter: &Filter,
        limit: usize,
        bytes: usize,
    ) -> Option<EventBatch> {
        let head = (*self.head.borrow())?;
        let ring = self.ring();
        if position < ring.start {
            return None;
        }
        let mut batch = EventBatch { events: Vec::new(), end: position.max(head) };
        let mut size = 0;
        let first = ring.events.partition_point(|recorded| recorded.position <= position);
        for recorded in ring.events.range(first..) {
            if recorded.position > head {
                break;
            }
            if filter.admits(&recorded.event.kind) {
                size += payload_bytes(recorded);
                batch.events.push(recorded.clone());
                if batch.events.len() >= limit || size >= bytes {
                    batch.end = recorded.position;
                    break;
                }
            }
        }
        Some(batch)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the payloads in memory: some of them were erased. Whoever still wants these events
    /// reads the ledger.
    pub(crate) fn forget(&self) {
        let mut ring = self.ring();
        if let Some(newest) = ring.events.back() {
            ring.start = newest.position;
            ring.events.clear();
            ring.bytes = 0;
        }
    }

    fn push(&self, events: Vec<Recorded>, head: Position) {
        if events.iter().any(|recorded| &*recorded.event.kind == SubjectErased::TYPE) {
            self.forget();
        }
        let mut ring = self.ring();
        for recorded in events {
            ring.bytes += payload_bytes(&recorded);
            ring.events.push_back(recorded);
        }
        while ring.events.len() > RING_EVENTS || ring.bytes > RING_BYTES {
            let Some(oldest) = ring.events.pop_front() else { break };
            ring.bytes -= payload_bytes(&oldest);
            ring.start = oldest.position;
        }
        drop(ring);
        self.head.send_if_modified(|known| known.replace(head) != Some(head));
    }
}

fn payload_bytes(recorded: &Recorded) -> usize {
    512 + recorded.event.data.as_ref().map_or(0, |data| data.get().len())
}

struct Reader {
    pool: PgPool,
    node: Arc<NodeKey>,
    clock: Clock,
    impatience: Impatience,
    feed: Arc<Feed>,
    all: Patterns,
}

impl Reader {
    async fn run(mut self, started: Uuid) {
        let mut position = self.begin(started).await;
        {
            self.feed.ring().start = position;
        }
        // Events from before the start fill the ring but are no news to live connections; some of
        // them may become readable only now.
        let mut news_since = Some(started);
        let old_until = Instant::now() + Duration::from_millis(OVERLAP_MILLISECONDS);
        let mut failures = 0_u32;
        loop {
            self.impatience.about_to_read();
            match self.read(position, news_since).await {
                Ok((end, full)) => {
                    failures = 0;
                    if end > position {
                        self.impatience.progressed();
                        position = end;
                    }
                    if Instant::now() > old_until {
                        news_since = None;
                    }
                    if !full {
                        self.impatience.wait(position.transaction_order).await;
                    }
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    report(&error, failures);
                    tokio::time::sleep(pause_after(failures)).await;
                }
            }
        }
    }

    /// The place to begin at: a little before now.
    async fn begin(&self, started: Uuid) -> Position {
        let since = Uuid::from_u128(
            started.as_u128().saturating_sub(u128::from(OVERLAP_MILLISECONDS) << 80),
        );
        let mut failures = 0_u32;
        loop {
            match in_time(PATIENCE, ledger::last_before(&self.pool, since)).await {
                Ok(position) => return position,
                Err(error) => {
                    failures = failures.saturating_add(1);
                    report(&error, failures);
                    tokio::time::sleep(pause_after(failures)).await;
                }
            }
        }
    }

    async fn read(
        &self,
        position: Position,
        news_since: Option<Uuid>,
    ) -> Result<(Position, bool), SpineError> {
        let now = self.clock.now();
        let page = ledger::read_with(&self.pool, &self.node, now, position, &self.all, READ);
        let page = in_time(PATIENCE, page).await?;
        let full = page.full;
        if self.live_is_heard() {
            for recorded in &page.events {
                if news_since.is_none_or(|since| recorded.event.id.0 > since) {
                    // Nobody listening is no failure.
                    self.feed.live.send(recorded.event.clone()).ok();
                }
            }
        }
        self.feed.push(page.events, page.end);
        Ok((page.end, full))
    }

    fn live_is_heard(&self) -> bool {
        self.feed.live.receiver_count() > 0
    }
}

fn report(error: &SpineError, failures: u32) {
    if failures.is_power_of_two() {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::warn!(%error, cause, failures, "the ledger cannot be read");
    }
}

fn pause_after(failures: u32) -> Duration {
    Duration::from_millis(100 << failures.min(5))
}
