//! A node's connectors at work, and a source that answers by a script.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::SubsecRound as _;
use connectors::{Account, Connectors, NewAccount};
use contracts::access::SpaceId;
use contracts::events::connectors::{DataReceived, RawRecord};
use contracts::model::Operation;
use contracts::plugins::{
    ConnectorBatch, ConnectorPlugins, HookRequest, PluginError, PluginFailure, WebhookOutcome,
};
use serde_json::{Value, json};
use spine::testing::TestSpine;
use spine::work::WorkSettings;
use spine::{
    Cause, Clock, Event, EventData, Filter, Handler, HandlerError, Roles, Running, Runtime,
    Snowflake, Spine, Tx,
};
use tokio::sync::Semaphore;
use uuid::Uuid;

pub const OWNER: Snowflake = Snowflake(7);

/// What the source says to one call.
pub enum Answer {
    Page(ConnectorBatch),
    Fail(PluginFailure),
    Error(PluginError),
    /// Says it once the gate lets it.
    Gated(ConnectorBatch),
    /// Never says anything.
    Hang,
}

/// The plugins of a node, all of which are this one.
pub struct Source {
    script: Mutex<VecDeque<Answer>>,
    hooks: Mutex<VecDeque<Result<WebhookOutcome, PluginError>>>,
    calls: Mutex<Vec<Option<Vec<u8>>>>,
    pub forgotten: Mutex<Vec<Uuid>>,
    pub gate: Semaphore,
    /// Webhooks wait here, once it is closed.
    pub hook_gate: Mutex<Option<Arc<Semaphore>>>,
    pub hooks_asked: AtomicUsize,
}

impl Source {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::default(),
            hooks: Mutex::default(),
            calls: Mutex::default(),
            forgotten: Mutex::default(),
            gate: Semaphore::new(0),
            hook_gate: Mutex::default(),
            hooks_asked: AtomicUsize::new(0),
        })
    }

    pub fn says(&self, answers: impl IntoIterator<Item = Answer>) {
        self.script.lock().unwrap().extend(answers);
    }

    pub fn fails(&self, failure: PluginFailure) {
        self.says([Answer::Fail(failure)]);
    }

    pub fn hook(&self, outcome: Result<WebhookOutcome, PluginError>) {
        self.hooks.lock().unwrap().push_back(outcome);
    }

    /// The cursors of all calls so far, as text.
    pub fn calls(&self) -> Vec<Option<String>> {
        let text = |cursor: &Option<Vec<u8>>| {
            cursor.clone().map(|cursor| String::from_utf8(cursor).unwrap())
        };
        self.calls.lock().unwrap().iter().map(text).collect()
    }
}

#[async_trait]
impl ConnectorPlugins for Source {
    async fn check_config(&self, plugin: &str, config: &Value) -> Result<(), PluginError> {
        if plugin == "absent" {
            let reason = "it is not installed".to_owned();
            return Err(PluginError::Unavailable { plugin: plugin.to_owned(), reason });
        }
        match config.get("wrong") {
            None => Ok(()),
            Some(_) => Err(PluginFailure::BadConfig("`wrong` is no setting".to_owned()).into()),
        }
    }

    async fn sync(
        &self,
        _: &str,
        _: Uuid,
        _: &Value,
        cursor: Option<Vec<u8>>,
    ) -> Result<ConnectorBatch, PluginError> {
        self.calls.lock().unwrap().push(cursor.clone());
        let answer = self.script.lock().unwrap().pop_front();
        match answer {
            None => Ok(ConnectorBatch { next_cursor: cursor, ..page([], "", false) }),
            Some(Answer::Page(page)) => Ok(page),
            Some(Answer::Fail(failure)) => Err(failure.into()),
            Some(Answer::Error(error)) => Err(error),
            Some(Answer::Gated(page)) => {
                self.gate.acquire().await.unwrap().forget();
                Ok(page)
            }
            Some(Answer::Hang) => std::future::pending().await,
        }
    }

    async fn webhook(
        &self,
        _: &str,
        _: Uuid,
        _: &Value,
        _: HookRequest,
    ) -> Result<WebhookOutcome, PluginError> {
        self.hooks_asked.fetch_add(1, Ordering::SeqCst);
        let gate = self.hook_gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        self.hooks.lock().unwrap().pop_front().unwrap()
    }

    async fn schedule(&self, plugin: &str) -> Result<Option<u32>, PluginError> {
        Ok((plugin != "hooks-only").then_some(600))
    }

    async fn minimum_schedule(&self, plugin: &str) -> Result<Option<u32>, PluginError> {
        Ok((plugin == "patient").then_some(300))
    }

    async fn forget(&self, _: &str, account: Uuid) -> Result<(), PluginError> {
        self.forgotten.lock().unwrap().push(account);
        Ok(())
    }
}

pub fn record(id: usize) -> RawRecord {
    RawRecord {
        kind: "feed.entry/1".to_owned(),
        external_id: id.to_string(),
        revision: None,
        operation: Operation::Upsert,
        source_time: None,
        media_type: "text/plain".to_owned(),
        payload: format!("entry {id}"),
    }
}

/// A page with these records, the cursor after it, and whether there is another.
pub fn page(ids: impl IntoIterator<Item = usize>, cursor: &str, more: bool) -> ConnectorBatch {
    ConnectorBatch {
        records: ids.into_iter().map(record).collect(),
        next_cursor: Some(cursor.as_bytes().to_vec()),
        more,
        next_sync_after: None,
        plugin_version: "1.0.0".to_owned(),
    }
}

/// Hears every event.
struct Ear(Arc<Mutex<Vec<Event>>>);

#[async_trait]
impl Handler for Ear {
    fn name(&self) -> &'static str {
        "test.ear"
    }

    fn filter(&self) -> Filter {
        Filter::All
    }

    async fn handle(&self, events: &[Event], _: &mut Tx) -> Result<(), HandlerError> {
        self.0.lock().unwrap().extend_from_slice(events);
        Ok(())
    }
}

pub struct Stage {
    pub test: TestSpine,
    pub connectors: Connectors,
    pub source: Arc<Source>,
    pub running: Running,
    heard: Arc<Mutex<Vec<Event>>>,
}

impl Stage {
    pub async fn new() -> Self {
        // Its time is moved by hand; Postgres keeps no nanoseconds.
        let clock = Clock::manual(Clock::system().now().trunc_subsecs(3));
        let schemas = [("connectors", &connectors::MIGRATIONS)];
        let test = TestSpine::start_with(&schemas, clock, None).await.unwrap();
        let (source, heard) = (Source::new(), Arc::default());
        let (connectors, running) = process(&test.spine, &source, &heard).await;
        Self { test, connectors, source, running, heard }
    }

    /// The process dies, as far as its jobs can tell, and another one takes over.
    pub async fn killed(self) -> Self {
        let Self { test, source, running, heard, .. } = self;
        running.stop().await;
        let spine = test.another().await.unwrap();
        let (connectors, running) = process(&spine, &source, &heard).await;
        Self { test, connectors, source, running, heard }
    }

    pub async fn settle(&self) {
        self.running.settle().await;
    }

    pub async fn later(&self, seconds: i64) {
        self.test.clock.advance(chrono::TimeDelta::seconds(seconds));
        self.settle().await;
    }

    pub fn new_account() -> NewAccount {
        NewAccount {
            id: Uuid::now_v7(),
            plugin: "rss".to_owned(),
            name: "News".to_owned(),
            owner: OWNER,
            space: SpaceId::of_person(OWNER),
            labels: vec!["news".to_owned()],
            config: json!({ "url": "https://news.example/feed" }),
            schedule: None,
            consent: None,
        }
    }

    /// An account whose first sync has not happened yet.
    pub async fn add(&self) -> Account {
        self.connectors.add(Self::new_account(), Cause::system()).await.unwrap()
    }

    pub async fn account(&self, id: Uuid) -> Account {
        self.connectors.account(id).await.unwrap()
    }

    /// Something happens in another service.
    pub async fn tell<E: EventData>(&self, event: &E) {
        let mut tx = self.test.spine.begin(Cause::system()).await.unwrap();
        tx.record(event).unwrap();
        tx.commit().await.unwrap();
        self.settle().await;
    }

    /// All events of a type so far, in order.
    pub fn heard<E: EventData>(&self) -> Vec<E> {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter_map(|event| event.read::<E>().unwrap()).collect()
    }

    /// The ids of all records that landed, event by event.
    pub fn landed(&self) -> Vec<Vec<usize>> {
        let ids = |received: DataReceived| -> Vec<usize> {
            received.records.iter().map(|record| record.external_id.parse().unwrap()).collect()
        };
        self.heard::<DataReceived>().into_iter().map(ids).collect()
    }

    /// Waits for something that happens by itself.
    pub async fn until(&self, mut met: impl AsyncFnMut() -> bool) {
        let wait = async {
            while !met().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap();
    }
}

async fn process(
    spine: &Spine,
    source: &Arc<Source>,
    heard: &Arc<Mutex<Vec<Event>>>,
) -> (Connectors, Running) {
    let plugins: Arc<dyn ConnectorPlugins> = source.clone();
    let connectors = Connectors::open(spine.clone(), plugins).await.unwrap();
    let settings = WorkSettings { drain: Duration::ZERO, ..WorkSettings::default() };
    let runtime = Runtime::new(spine.clone()).work_settings(settings);
    let runtime = connectors::register(runtime, &connectors).handler(Ear(Arc::clone(heard)));
    (connectors, runtime.start(Roles::ALL).await.unwrap())
}
