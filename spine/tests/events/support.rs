//! What the tests share: event types, a handler that leaves traces, processes that can be killed.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spine::bus::{self, Begin, Consumers};
use spine::testing::{TestSpine, nats_server};
use spine::{
    Cause, Clock, Event, EventData, EventId, Filter, Handler, HandlerError, Patience, Retention,
    Roles, Spine, Tx,
};
use tokio_util::sync::CancellationToken;

/// Personal: sealed under its author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoteWritten {
    pub author: String,
    pub number: u32,
    pub text: String,
}

impl EventData for NoteWritten {
    const TYPE: &'static str = "notes.NoteWritten.v1";
    const SOURCE: &'static str = "notes";

    fn subject(&self) -> String {
        format!("note:{}", self.number)
    }

    fn sealed_under(&self) -> Option<String> {
        Some(self.author.clone())
    }
}

/// Nothing personal.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Ticked {
    pub number: u32,
}

impl EventData for Ticked {
    const TYPE: &'static str = "clock.Ticked.v1";
    const SOURCE: &'static str = "clock";

    fn subject(&self) -> String {
        "clock".to_owned()
    }

    fn sealed_under(&self) -> Option<String> {
        None
    }
}

/// Readable for ten days.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Sighted {
    pub person: String,
}

impl EventData for Sighted {
    const TYPE: &'static str = "notes.Sighted.v1";
    const SOURCE: &'static str = "notes";
    const RETENTION: Retention = Retention::Days(10);

    fn subject(&self) -> String {
        self.person.clone()
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Adapter {
    Embedded,
    JetStream,
}

impl Adapter {
    pub async fn node(self) -> TestSpine {
        let nats = match self {
            Self::Embedded => None,
            Self::JetStream => Some(nats_server()),
        };
        let test = TestSpine::start_with(&[], Clock::system(), nats).await.unwrap();
        sqlx::raw_sql(
            "CREATE TABLE effect (place bigint GENERATED ALWAYS AS IDENTITY, consumer text,
                                  number bigint, text text)",
        )
        .execute(test.spine.pool())
        .await
        .unwrap();
        test
    }
}

pub async fn write_note(spine: &Spine, number: u32) -> EventId {
    let mut tx = spine.begin(Cause::by("tester")).await.unwrap();
    let id = tx.record(&note(number)).unwrap();
    tx.commit().await.unwrap();
    id
}

pub fn note(number: u32) -> NoteWritten {
    NoteWritten { author: "alice".to_owned(), number, text: format!("text {number}") }
}

type Verdict = dyn Fn(&Event) -> Option<HandlerError> + Send + Sync;

/// Writes what it sees into the table `effect`, in the transaction of the delivery.
pub struct Recorder {
    pub name: &'static str,
    pub filter: Filter,
    pub begin: Begin,
    pub verdict: Box<Verdict>,
    pub batches: Arc<AtomicUsize>,
}

impl Recorder {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            filter: Filter::Types(&["notes.*"]),
            begin: Begin::First,
            verdict: Box::new(|_| None),
            batches: Arc::default(),
        }
    }

    pub fn failing(
        name: &'static str,
        verdict: impl Fn(&Event) -> Option<HandlerError> + Send + Sync + 'static,
    ) -> Self {
        Self { verdict: Box::new(verdict), ..Self::new(name) }
    }
}

#[async_trait]
impl Handler for Recorder {
    fn name(&self) -> &'static str {
        self.name
    }

    fn filter(&self) -> Filter {
        self.filter.clone()
    }

    fn begin(&self) -> Begin {
        self.begin
    }

    fn patience(&self) -> Patience {
        Patience {
            attempts: 3,
            first_pause: Duration::from_millis(2),
            longest_pause: Duration::from_millis(10),
        }
    }

    async fn handle(&self, events: &[Event], tx: &mut Tx) -> Result<(), HandlerError> {
        self.batches.fetch_add(1, Ordering::Relaxed);
        for event in events {
            let (number, text) = match event.read::<NoteWritten>() {
                Ok(Some(note)) => (i64::from(note.number), note.text),
                _ => (-1, event.data.as_ref().map(|data| data.to_string()).unwrap_or_default()),
            };
            sqlx::query("INSERT INTO effect (consumer, number, text) VALUES ($1, $2, $3)")
                .bind(self.name)
                .bind(number)
                .bind(text)
                .execute(tx.conn())
                .await?;
            if let Some(error) = (self.verdict)(event) {
                return Err(error);
            }
        }
        Ok(())
    }
}

/// The numbers that a consumer saw, in the order in which it committed them.
pub async fn effects(spine: &Spine, consumer: &str) -> Vec<i64> {
    sqlx::query_scalar("SELECT number FROM effect WHERE consumer = $1 ORDER BY place")
        .bind(consumer)
        .fetch_all(spine.pool())
        .await
        .unwrap()
}

pub async fn texts(spine: &Spine, consumer: &str) -> Vec<String> {
    sqlx::query_scalar("SELECT text FROM effect WHERE consumer = $1 ORDER BY place")
        .bind(consumer)
        .fetch_all(spine.pool())
        .await
        .unwrap()
}

pub const EVERYTHING: Roles = Roles { edge: true, workers: true, relay: true };

pub const WORKERS: Roles = Roles { edge: false, workers: true, relay: false };
pub const RELAY: Roles = Roles { edge: false, workers: false, relay: true };

/// No consumer.
pub const NOBODY: Vec<Recorder> = Vec::new();

/// What runs of a process, stopped gently.
pub struct Running {
    cancel: CancellationToken,
    consumers: Consumers,
}

impl Running {
    pub async fn start(spine: &Spine, handlers: Vec<impl Handler>) -> Self {
        Self::with_roles(spine, EVERYTHING, handlers).await
    }

    pub async fn with_roles(spine: &Spine, roles: Roles, handlers: Vec<impl Handler>) -> Self {
        let cancel = CancellationToken::new();
        let handlers = handlers.into_iter().map(|one| Arc::new(one) as Arc<dyn Handler>).collect();
        let consumers = bus::start(spine, handlers, roles, cancel.clone()).await.unwrap();
        Self { cancel, consumers }
    }

    pub async fn stop(self) {
        self.cancel.cancel();
        self.consumers.stopped().await;
    }
}

/// A process that can be killed: everything it does stops where it is.
pub struct Process(Option<tokio::runtime::Runtime>);

impl Process {
    pub fn start(
        test: &TestSpine,
        handlers: impl FnOnce() -> Vec<Recorder> + Send + 'static,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (settings, clock) = (test.settings.clone(), test.clock.clone());
        runtime.spawn(async move {
            let spine = Spine::connect(settings, clock).await.unwrap();
            let running = Running::start(&spine, handlers()).await;
            std::future::pending::<()>().await;
            drop(running);
        });
        Self(Some(runtime))
    }

    pub fn kill(mut self) {
        self.0.take().unwrap().shutdown_background();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Waits until the condition holds.
pub async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub async fn until_seen(spine: &Spine, consumer: &str, count: usize) {
    until(&format!("{consumer} saw {count} events"), || async {
        effects(spine, consumer).await.len() >= count
    })
    .await;
}

pub async fn until_idle(spine: &Spine) {
    until("the bus is idle", || async { bus::idle(spine).await.unwrap() }).await;
}
