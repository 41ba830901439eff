//! A node's communication at work, a carrier that answers by a script, and contacts.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::Query;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::SubsecRound as _;
use communication::{Channel, Communication, NewChannel};
use contracts::access::{
    Access, Action, Caller, Decision, Permitted, Policy, Refusal, Resource, SpaceId, actions,
};
use contracts::api::Api;
use contracts::jobs::{EraseEntities, SendOutgoingMessage, WriteEntities};
use contracts::model::EntityDraft;
use contracts::plugins::{
    ChannelEvent, ChannelPlugins, Delivery, HookAnswer, HookRequest, InboundResult,
    OutgoingMessage, PluginError, PluginFailure, Receipt,
};
use contracts::testing::{HouseholdPolicy, RouterTransport};
use serde_json::{Value, json};
use spine::testing::TestSpine;
use spine::work::WorkSettings;
use spine::{
    Cause, Clock, Event, EventData, Filter, Handler, HandlerError, JobOptions, Problem, Roles,
    Running, Runtime, Snowflake, Spine, Tx,
};
use sqlx::PgPool;
use uuid::Uuid;

pub const OWNER: Snowflake = Snowflake(7);
pub const PARTNER: &str = "+436601234567";
pub const OURS: &str = "+4312345678";

/// What the carrier does about one message. It always has it then, unless it says no.
pub enum Answer {
    Says(Receipt),
    Fails(PluginError),
    /// Takes it, and our process loses its hold on the job before it can write that down.
    TakesAndTheLeaseIsLost(PgPool),
    /// Takes it, and our process hears nothing more.
    TakesAndHangs,
}

/// The channels of a node, all of which lead to this carrier.
#[derive(Default)]
pub struct Carrier {
    script: Mutex<VecDeque<Answer>>,
    hooks: Mutex<VecDeque<Result<InboundResult, PluginError>>>,
    taken: Mutex<Vec<OutgoingMessage>>,
    pub forgotten: Mutex<Vec<Uuid>>,
}

impl Carrier {
    pub fn will(&self, answer: Answer) {
        self.script.lock().unwrap().push_back(answer);
    }

    pub fn fails(&self, failure: PluginFailure) {
        self.will(Answer::Fails(failure.into()));
    }

    pub fn hook(&self, outcome: Result<InboundResult, PluginError>) {
        self.hooks.lock().unwrap().push_back(outcome);
    }

    /// A genuine webhook that brings these.
    pub fn brings(&self, events: impl IntoIterator<Item = ChannelEvent>) {
        let answer =
            HookAnswer { status: 200, body: b"<Response/>".to_vec(), ..HookAnswer::default() };
        self.hook(Ok(InboundResult { events: events.into_iter().collect(), answer }));
    }

    /// All that it was asked to carry so far.
    pub fn taken(&self) -> Vec<OutgoingMessage> {
        self.taken.lock().unwrap().clone()
    }
}

/// What the carrier calls a message.
pub fn external(id: &str) -> String {
    format!("SM-{id}")
}

#[async_trait]
impl ChannelPlugins for Carrier {
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

    async fn send(
        &self,
        _: &str,
        _: Uuid,
        _: &Value,
        message: OutgoingMessage,
    ) -> Result<Receipt, PluginError> {
        let receipt = Receipt {
            external_id: external(&message.id),
            status: Delivery::Accepted,
            detail: None,
        };
        self.taken.lock().unwrap().push(message);
        let answer = self.script.lock().unwrap().pop_front();
        match answer {
            None => Ok(receipt),
            Some(Answer::Says(receipt)) => Ok(receipt),
            Some(Answer::Fails(error)) => Err(error),
            Some(Answer::TakesAndTheLeaseIsLost(pool)) => {
                sqlx::query("UPDATE spine.job SET state = 0, claim = claim + 1, lease_until = NULL WHERE kind = 'communication.send_outgoing_message'")
                    .execute(&pool)
                    .await
                    .unwrap();
                Ok(receipt)
            }
            Some(Answer::TakesAndHangs) => std::future::pending().await,
        }
    }

    async fn inbound(
        &self,
        _: &str,
        _: Uuid,
        _: &Value,
        _: HookRequest,
    ) -> Result<InboundResult, PluginError> {
        self.hooks.lock().unwrap().pop_front().unwrap()
    }

    async fn forget(&self, _: &str, channel: Uuid) -> Result<(), PluginError> {
        self.forgotten.lock().unwrap().push(channel);
        Ok(())
    }
}

/// The household's policy, with consents that can be withdrawn.
#[derive(Default)]
pub struct Consents {
    pub withdrawn: AtomicBool,
    pub asked: Mutex<Vec<(Caller, Resource)>>,
}

#[async_trait]
impl Policy for Consents {
    fn decide(&self, caller: &Caller, action: Action, resource: &Resource) -> Decision {
        if action == actions::MESSAGE_SEND {
            self.asked.lock().unwrap().push((caller.clone(), resource.clone()));
            if self.withdrawn.load(Ordering::SeqCst) {
                let refusal = Refusal::Consent { purpose: caller.purpose.to_string() };
                return Decision { allowed: false, because: Vec::new(), refusal: Some(refusal) };
            }
        }
        HouseholdPolicy.decide(caller, action, resource)
    }

    fn permitted(&self, caller: &Caller, action: Action) -> Permitted {
        HouseholdPolicy.permitted(caller, action)
    }

    async fn settled(&self) -> Result<(), Problem> {
        Ok(())
    }
}

/// What happens while a service waits for another.
pub type Meanwhile = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the graph knows, by alias; who asked; and whether it can answer.
#[derive(Default)]
pub struct Contacts {
    meanwhile: Mutex<Option<Meanwhile>>,
    known: Mutex<HashMap<String, Value>>,
    pub asked: Mutex<Vec<(Caller, String)>>,
    pub away: AtomicBool,
}

impl Contacts {
    pub fn knows(&self, alias: &str, data: Value) -> Uuid {
        let id = Uuid::now_v7();
        let space = SpaceId::of_person(OWNER);
        let entity = json!({ "id": id, "type": "Person", "space": space, "data": data });
        self.known.lock().unwrap().insert(alias.to_owned(), entity);
        id
    }

    /// What happens while the next one waits for an answer.
    pub fn meanwhile(&self, happens: impl Future<Output = ()> + Send + 'static) {
        *self.meanwhile.lock().unwrap() = Some(Box::pin(happens));
    }

    fn answer(&self, access: &Access, parameters: &HashMap<String, String>) -> Response {
        if self.away.load(Ordering::SeqCst) {
            return Problem::unavailable("the graph is away").into_response();
        }
        let alias = parameters["alias"].clone();
        let found = self.known.lock().unwrap().get(&alias).cloned();
        self.asked.lock().unwrap().push((access.caller().clone(), alias));
        Json(json!({ "items": found.into_iter().collect::<Vec<_>>() })).into_response()
    }

    fn api(self: &Arc<Self>) -> Api {
        let contacts = Arc::clone(self);
        let entities =
            get(async move |access: Access, Query(parameters): Query<HashMap<String, String>>| {
                let happens = contacts.meanwhile.lock().unwrap().take();
                if let Some(happens) = happens {
                    happens.await;
                }
                contacts.answer(&access, &parameters)
            });
        let api = Api::new();
        let routes = Router::new().route("/entities", entities);
        api.connect(Arc::new(RouterTransport::new(routes, HouseholdPolicy::port())));
        api
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
    pub communication: Communication,
    pub carrier: Arc<Carrier>,
    pub consents: Arc<Consents>,
    pub contacts: Arc<Contacts>,
    pub running: Running,
    heard: Arc<Mutex<Vec<Event>>>,
}

impl Stage {
    pub async fn new() -> Self {
        // Its time is moved by hand; Postgres keeps no nanoseconds.
        let clock = Clock::manual(Clock::system().now().trunc_subsecs(3));
        let schemas = [("communication", &communication::MIGRATIONS)];
        let test = TestSpine::start_with(&schemas, clock, None).await.unwrap();
        let carrier = Arc::new(Carrier::default());
        let consents = Arc::new(Consents::default());
        let contacts = Arc::new(Contacts::default());
        let heard = Arc::default();
        let (communication, running) =
            process(&test.spine, &carrier, &consents, &contacts, &heard).await;
        Self { test, communication, carrier, consents, contacts, running, heard }
    }

    /// The process dies, as far as its jobs can tell, and another one takes over.
    pub async fn killed(self) -> Self {
        let Self { test, carrier, consents, contacts, running, heard, .. } = self;
        running.stop().await;
        let spine = test.another().await.unwrap();
        let (communication, running) =
            process(&spine, &carrier, &consents, &contacts, &heard).await;
        Self { test, communication, carrier, consents, contacts, running, heard }
    }

    pub async fn settle(&self) {
        self.running.settle().await;
    }

    pub async fn later(&self, seconds: i64) {
        self.test.clock.advance(chrono::TimeDelta::seconds(seconds));
        self.settle().await;
    }

    pub fn new_channel(address: &str) -> NewChannel {
        NewChannel {
            id: Uuid::now_v7(),
            plugin: "twilio".to_owned(),
            name: "Phone".to_owned(),
            owner: OWNER,
            space: SpaceId::of_person(OWNER),
            labels: Vec::new(),
            config: json!({}),
            address: address.to_owned(),
            is_default: None,
        }
    }

    /// A channel with our phone number.
    pub async fn channel(&self) -> Channel {
        self.communication.add(Self::new_channel(OURS), Cause::system()).await.unwrap()
    }

    /// A message that a rule sends.
    pub fn order(to: &str) -> SendOutgoingMessage {
        SendOutgoingMessage {
            message: Uuid::now_v7(),
            channel: None,
            owner: OWNER,
            to: vec![to.to_owned()],
            subject: None,
            text: "I am at work and call you back".to_owned(),
            rule: Some(Uuid::now_v7()),
            in_reply_to: None,
            purpose: "automation".to_owned(),
            ordered_at: None,
        }
    }

    pub async fn schedule(&self, order: &SendOutgoingMessage) {
        let mut tx = self.test.spine.begin(Cause::system()).await.unwrap();
        tx.order(order, JobOptions::default()).unwrap();
        tx.commit().await.unwrap();
    }

    /// How a message stands, and more about it.
    pub async fn status(&self, id: Uuid) -> (&'static str, Option<String>) {
        let message = self.communication.message(id).await.unwrap();
        (message.status.name(), message.detail)
    }

    /// All events of a type so far, in order.
    pub fn heard<E: EventData>(&self) -> Vec<E> {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter_map(|event| event.read::<E>().unwrap()).collect()
    }

    /// All entities that were ordered to be written, in order.
    pub async fn ordered(&self) -> Vec<EntityDraft> {
        let payloads: Vec<String> = sqlx::query_scalar(
            "SELECT payload FROM spine.job WHERE kind = 'data.write_entities' ORDER BY position",
        )
        .fetch_all(self.test.spine.pool())
        .await
        .unwrap();
        let read = |payload: &String| serde_json::from_str::<WriteEntities>(payload).unwrap();
        payloads.iter().flat_map(|payload| read(payload).entities).collect()
    }

    /// The keys of all entities that were ordered to be erased, as `kind id`.
    pub async fn erased(&self) -> Vec<String> {
        let payloads: Vec<String> = sqlx::query_scalar(
            "SELECT payload FROM spine.job WHERE kind = 'data.erase_entities' ORDER BY position",
        )
        .fetch_all(self.test.spine.pool())
        .await
        .unwrap();
        let read = |payload: &String| serde_json::from_str::<EraseEntities>(payload).unwrap().keys;
        let keys = payloads.iter().flat_map(read);
        keys.map(|key| format!("{} {}", key.kind, key.external_id)).collect()
    }

    /// Whether what the ledger has of a subject can be read.
    pub async fn is_readable(&self, subject: &str) -> bool {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM spine.subject_key WHERE subject = $1 AND wrapped IS NOT NULL)",
        )
        .bind(subject)
        .fetch_one(self.test.spine.pool())
        .await
        .unwrap()
    }

    /// How many rows a table has.
    pub async fn rows(&self, table: &str) -> i64 {
        let count = format!("SELECT count(*) FROM communication.{table}");
        let count = sqlx::query_scalar(sqlx::AssertSqlSafe(count));
        count.fetch_one(self.test.spine.pool()).await.unwrap()
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

pub fn request() -> HookRequest {
    HookRequest {
        method: "POST".to_owned(),
        url: "https://node.example/hooks/a/".to_owned(),
        path_and_query: "/".to_owned(),
        headers: Vec::new(),
        body: b"From=x".to_vec(),
    }
}

async fn process(
    spine: &Spine,
    carrier: &Arc<Carrier>,
    consents: &Arc<Consents>,
    contacts: &Arc<Contacts>,
    heard: &Arc<Mutex<Vec<Event>>>,
) -> (Communication, Running) {
    let (plugins, policy) = (carrier.clone(), consents.clone());
    let opened = Communication::open(spine.clone(), plugins, contacts.api(), policy).await;
    let communication = opened.unwrap();
    let settings = WorkSettings {
        drain: Duration::ZERO,
        poll: Duration::from_millis(50),
        ..WorkSettings::default()
    };
    let runtime = Runtime::new(spine.clone()).work_settings(settings);
    let runtime = communication::register(runtime, &communication).handler(Ear(Arc::clone(heard)));
    (communication, runtime.start(Roles::ALL).await.unwrap())
}
