//! A node's rules with what they need around them: an API made of routes, an outbox, a clock that is moved by hand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::routing::get;
use chrono::TimeDelta;
use contracts::access::{Access, Caller, SpaceId};
use contracts::api::{Api, Page};
use contracts::events::communication::{CallStarted, Party};
use contracts::events::rules::Signalled;
use contracts::jobs::SendOutgoingMessage;
use contracts::plugins::{OperatorInfo, PluginError, PluginFailure, RuleOperators};
use contracts::testing::{HouseholdPolicy, RouterTransport};
use rules::Rules;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use spine::testing::TestSpine;
use spine::{
    Cause, Clock, EventData, EventId, Job, JobContract, JobError, JobRun, Lane, Problem, Roles,
    Running, Runtime, Snowflake,
};
use uuid::Uuid;

pub const ANNA: Snowflake = Snowflake(11);
pub const BEN: Snowflake = Snowflake(22);

/// What the fake services know.
#[derive(Clone, Default)]
pub struct World {
    states: Arc<Mutex<HashMap<String, Json>>>,
    entities: Arc<Mutex<HashMap<String, Json>>>,
    refused: Arc<Mutex<bool>>,
    outside: Arc<Mutex<Vec<(Snowflake, String)>>>,
    circles: Arc<Mutex<Vec<(Snowflake, String)>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl World {
    pub fn state(&self, of: &str, value: Json) {
        self.states.lock().unwrap().insert(of.to_owned(), value);
    }

    pub fn entity(&self, name: &str, entity: Json) {
        self.entities.lock().unwrap().insert(name.to_owned(), entity);
    }

    pub fn refuse(&self, refuse: bool) {
        *self.refused.lock().unwrap() = refuse;
    }

    /// Somebody is in this space no more.
    pub fn expel(&self, person: Snowflake, space: &str) {
        self.outside.lock().unwrap().push((person, space.to_owned()));
    }

    /// Somebody is in this circle.
    pub fn in_circle(&self, person: Snowflake, circle: &SpaceId) {
        self.circles.lock().unwrap().push((person, circle.to_string()));
    }

    /// What was asked for, and by whom.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn answer(
        &self,
        access: &Access,
        what: String,
        found: Option<Json>,
    ) -> Result<axum::Json<Json>, Problem> {
        let caller = access.caller();
        let person = caller.behalf.map(|person| person.to_string()).unwrap_or_default();
        self.asked
            .lock()
            .unwrap()
            .push(format!("{} for {person}, {}: {what}", caller.principal, caller.purpose));
        if *self.refused.lock().unwrap() {
            return Err(Problem::forbidden("no-consent", "The person has not consented to this"));
        }
        found.map(axum::Json).ok_or_else(Problem::not_found)
    }
}

async fn state(
    access: Access,
    State(world): State<World>,
    Path((subject, facet)): Path<(String, String)>,
) -> Result<axum::Json<Json>, Problem> {
    let name = format!("{subject}/{facet}");
    let found = world.states.lock().unwrap().get(&name).cloned();
    world.answer(
        &access,
        name,
        found.map(|value| json!({"value": value, "since": "2026-01-01T00:00:00Z"})),
    )
}

/// The spaces of the person for whom is asked.
async fn space(
    access: Access,
    State(world): State<World>,
    Path(space): Path<String>,
) -> Result<axum::Json<Json>, Problem> {
    let person = access.caller().behalf.unwrap();
    let key = (person, space.clone());
    let own = space == "household" || space == format!("person:{person}");
    let is_in = own || world.circles.lock().unwrap().contains(&key);
    if is_in && !world.outside.lock().unwrap().contains(&key) {
        return Ok(axum::Json(json!({"space": space})));
    }
    Err(Problem::not_found())
}

async fn entity(
    access: Access,
    State(world): State<World>,
    Path(id): Path<String>,
) -> Result<axum::Json<Json>, Problem> {
    let found = world.entities.lock().unwrap().get(&id).cloned();
    world.answer(&access, id, found)
}

async fn entities(
    access: Access,
    State(world): State<World>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<axum::Json<Json>, Problem> {
    let alias = query["alias"].clone();
    let found = world.entities.lock().unwrap().get(&alias).cloned();
    let page = Page { items: found.into_iter().collect(), next: None };
    world.answer(&access, alias, Some(serde_json::to_value(page).unwrap()))
}

/// An operator that says how long a text is.
struct Length;

#[async_trait]
impl RuleOperators for Length {
    async fn operators(&self) -> Result<Vec<OperatorInfo>, PluginError> {
        let info = OperatorInfo {
            plugin: "text".to_owned(),
            name: "length".to_owned(),
            args_schema: json!({"type": "object"}),
            result_schema: json!({"type": "integer"}),
        };
        Ok(vec![info])
    }

    async fn evaluate(
        &self,
        plugin: &str,
        operator: &str,
        args: &Json,
    ) -> Result<Json, PluginError> {
        match (plugin, operator, args["text"].as_str()) {
            ("text", "length", Some(text)) => Ok(text.chars().count().into()),
            _ => Err(PluginFailure::Rejected("it takes a text".to_owned()).into()),
        }
    }
}

/// The messages that would have gone.
#[derive(Default)]
pub struct Outbox(Mutex<Vec<SendOutgoingMessage>>);

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Send(SendOutgoingMessage);

#[async_trait]
impl Job for Send {
    type Context = Outbox;
    const KIND: &'static str = SendOutgoingMessage::KIND;
    const LANE: Lane = SendOutgoingMessage::LANE;

    async fn run(&self, outbox: &Outbox, _: &mut JobRun) -> Result<(), JobError> {
        outbox.0.lock().unwrap().push(self.0.clone());
        Ok(())
    }
}

pub struct Stage {
    pub test: TestSpine,
    pub rules: Rules,
    pub world: World,
    pub outbox: Arc<Outbox>,
    pub running: Running,
    pub routes: RouterTransport,
}

impl Stage {
    pub async fn start() -> Self {
        let clock = Clock::manual(Clock::system().now());
        let test =
            TestSpine::start_with(&[("rules", &rules::MIGRATIONS)], clock, None).await.unwrap();
        let world = World::default();
        let api = Api::new();
        let services = Router::new()
            .route("/present/{subject}/{facet}", get(state))
            .route("/spaces/{space}", get(space))
            .route("/entities", get(entities))
            .route("/entities/{id}", get(entity))
            .with_state(world.clone());
        api.connect(Arc::new(RouterTransport::new(services, HouseholdPolicy::port())));
        let rules = Rules::open(test.spine.clone(), api, Arc::new(Length)).await.unwrap();
        let outbox = Arc::new(Outbox::default());
        let runtime = rules::register(Runtime::new(test.spine.clone()), &rules)
            .job::<Send>(Arc::clone(&outbox));
        let running = runtime.start(Roles::ALL).await.unwrap();
        let (router, _) = rules::routes().with_state(rules.clone()).split_for_parts();
        let routes = RouterTransport::new(router, HouseholdPolicy::port());
        Self { test, rules, world, outbox, running, routes }
    }

    pub async fn call(
        &self,
        who: Snowflake,
        method: &str,
        path: &str,
        body: Option<Json>,
    ) -> (u16, Json) {
        self.routes.json(Caller::person(who), method, path, body).await
    }

    /// Makes a rule of Anna's from YAML.
    pub async fn rule(&self, yaml: &str) -> Uuid {
        let document =
            rules::document::read(yaml.as_bytes(), rules::document::MediaType::Yaml).unwrap();
        let (status, made) =
            self.call(ANNA, "POST", "/rules", Some(serde_json::to_value(document).unwrap())).await;
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().parse().unwrap()
    }

    /// Makes a rule for somebody from JSON, in their own space or another.
    pub async fn rule_of(&self, who: Snowflake, query: &str, rule: Json) -> Uuid {
        let (status, made) = self.call(who, "POST", &format!("/rules{query}"), Some(rule)).await;
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().parse().unwrap()
    }

    /// One number from the database.
    pub async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(self.test.spine.pool()).await.unwrap()
    }

    pub async fn record<E: EventData>(&self, event: &E) -> EventId {
        let mut tx = self.test.spine.begin(Cause::by("test")).await.unwrap();
        let id = tx.record(event).unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// Records an event and waits until all that follows is done.
    pub async fn happens<E: EventData>(&self, event: &E) -> EventId {
        let id = self.record(event).await;
        self.running.settle().await;
        id
    }

    pub async fn later(&self, by: TimeDelta) {
        self.test.clock.advance(by);
        self.running.settle().await;
    }

    pub fn sent(&self) -> Vec<SendOutgoingMessage> {
        self.outbox.0.lock().unwrap().clone()
    }

    /// What came of asking a rule, newest first, as `outcome: stop`.
    pub async fn outcomes(&self, rule: Uuid) -> Vec<String> {
        self.outcomes_of(ANNA, rule).await
    }

    /// The same, as somebody else sees it.
    pub async fn outcomes_of(&self, who: Snowflake, rule: Uuid) -> Vec<String> {
        let (status, page) =
            self.call(who, "GET", &format!("/rules/{rule}/evaluations"), None).await;
        assert_eq!(status, 200, "{page}");
        let line = |made: &Json| match made["stop"].as_str() {
            Some(stop) => format!("{}: {stop}", made["outcome"].as_str().unwrap()),
            None => made["outcome"].as_str().unwrap().to_owned(),
        };
        page["items"].as_array().unwrap().iter().map(line).collect()
    }

    /// The newest evaluation of a rule, whole.
    pub async fn newest(&self, rule: Uuid) -> Json {
        let (_, page) = self.call(ANNA, "GET", &format!("/rules/{rule}/evaluations"), None).await;
        let id = page["items"][0]["id"].as_str().unwrap();
        let (status, whole) =
            self.call(ANNA, "GET", &format!("/rules/evaluations/{id}"), None).await;
        assert_eq!(status, 200, "{whole}");
        whole
    }
}

/// Somebody calls one of the owner's numbers.
pub fn call(stage: &Stage, owner: Snowflake, from: &str, roles: &[&str]) -> CallStarted {
    let party = |address: &str, roles: &[&str]| Party {
        address: address.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..Party::default()
    };
    CallStarted {
        call: Uuid::now_v7(),
        channel: Uuid::now_v7(),
        owner,
        space: SpaceId::of_person(owner),
        external_id: "CA1".to_owned(),
        from: party(from, roles),
        to: party("+439999", &[]),
        at: stage.test.clock.now(),
    }
}

/// Something is said.
pub fn signal(name: &str, data: Json) -> Signalled {
    let data: Map<String, Json> = data.as_object().cloned().unwrap_or_default();
    Signalled { rule: Uuid::nil(), owner: ANNA, space: None, name: name.to_owned(), data }
}
