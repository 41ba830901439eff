//! A node with the present service, on a clock that is moved by hand.

use chrono::{DateTime, TimeDelta, Utc};
use contracts::access::{Caller, SpaceId};
use contracts::events::communication::{CallChanged, CallStarted, Party};
use contracts::events::data::{EntityCreated, EntityVersion};
use contracts::events::devices::DeviceReported;
use contracts::events::present::StateChanged;
use contracts::testing::{HouseholdPolicy, RouterTransport};
use present::{Present, PresentSettings};
use serde_json::{Value, json};
use spine::testing::TestSpine;
use spine::{Cause, Clock, EventData, Roles, Running, Runtime, Snowflake, Spine, ledger};
use uuid::Uuid;

pub(crate) const ANNA: Snowflake = Snowflake(1_001);
pub(crate) const BEN: Snowflake = Snowflake(1_002);
pub(crate) const PHONE: Uuid = Uuid::from_u128(0x18f4_e5e0_0007_0008_0000_0000_0000_0001);
pub(crate) const CHANNEL: Uuid = Uuid::from_u128(0x18f4_e5e0_0007_0008_0000_0000_0000_0002);

/// A spot near Vienna, so many metres north of the office.
pub(crate) fn north(metres: f64) -> Value {
    json!({"latitude": 48.2 + metres / 111_195.0, "longitude": 16.37, "accuracy": 10.0})
}

pub(crate) struct Stage {
    pub(crate) test: TestSpine,
    pub(crate) present: Present,
    pub(crate) running: Running,
    pub(crate) api: RouterTransport,
}

impl Stage {
    pub(crate) async fn embedded() -> Self {
        Self::start(None).await
    }

    pub(crate) async fn redis() -> Self {
        Self::start(Some(redis_url())).await
    }

    pub(crate) async fn start(redis_url: Option<String>) -> Self {
        let clock = Clock::manual(DateTime::from_timestamp(1_790_000_030, 0).unwrap());
        let schemas = [("present", &present::MIGRATIONS)];
        let test = TestSpine::start_with(&schemas, clock, None).await.unwrap();
        let present =
            Present::open(test.spine.clone(), PresentSettings { redis_url }).await.unwrap();
        let runtime = present::register(Runtime::new(test.spine.clone()), &present);
        let running = runtime.start(Roles::ALL).await.unwrap();
        let routes = axum::Router::from(present::routes().with_state(present.clone()));
        let api = RouterTransport::new(routes, HouseholdPolicy::port());
        let stage = Self { test, present, running, api };
        stage.running.settle().await;
        stage
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.test.clock.now()
    }

    /// Time passes, and what is due is done.
    pub(crate) async fn pass(&self, by: TimeDelta) {
        self.test.clock.advance(by);
        self.running.settle().await;
    }

    pub(crate) async fn record(&self, event: &impl EventData) {
        let mut tx = self.test.spine.begin(Cause::system()).await.unwrap();
        tx.record(event).unwrap();
        tx.commit().await.unwrap();
    }

    pub(crate) async fn report(&self, facet: &str, data: Value) {
        self.report_at(facet, data, self.now()).await;
    }

    pub(crate) async fn report_at(&self, facet: &str, data: Value, at: DateTime<Utc>) {
        let reported = DeviceReported {
            device: PHONE,
            person: ANNA,
            report: Uuid::new_v4().to_string(),
            facet: facet.to_owned(),
            at,
            data: data.as_object().cloned().unwrap(),
        };
        self.record(&reported).await;
        self.running.settle().await;
    }

    /// A place of the household; the office is at zero metres.
    pub(crate) async fn place(
        &self,
        name: &str,
        metres: f64,
        radius: Option<f64>,
    ) -> EntityVersion {
        let mut data = json!({"name": name, "geo": north(metres)});
        if let Some(radius) = radius {
            data["radius"] = radius.into();
        }
        let place = EntityVersion {
            entity: Uuid::now_v7(),
            version: 1,
            r#type: "Place".to_owned(),
            space: SpaceId::household(),
            data: data.as_object().cloned().unwrap(),
            labels: Vec::new(),
            aliases: Vec::new(),
            keys: Vec::new(),
            valid_from: None,
            valid_to: None,
            recorded_at: self.now(),
        };
        self.record(&EntityCreated { now: place.clone() }).await;
        self.running.settle().await;
        place
    }

    pub(crate) async fn call_starts(&self, call: Uuid) {
        self.record(&CallStarted {
            call,
            channel: CHANNEL,
            owner: ANNA,
            space: SpaceId::of_person(ANNA),
            external_id: "CA1".to_owned(),
            from: Party {
                address: "+43155501".to_owned(),
                roles: vec!["Partner".to_owned()],
                ..Party::default()
            },
            to: Party { address: "+43155502".to_owned(), ..Party::default() },
            at: self.now(),
        })
        .await;
        self.running.settle().await;
    }

    pub(crate) async fn call_changes(&self, call: Uuid, status: &str) {
        let (status, at) = (status.to_owned(), self.now());
        self.record(&CallChanged { call, channel: CHANNEL, status, seconds: None, at }).await;
        self.running.settle().await;
    }

    /// What was announced so far, oldest first: subject, facet, before and now by what matters.
    pub(crate) async fn announced(&self) -> Vec<StateChanged> {
        let query =
            ledger::Query { kind: Some(StateChanged::TYPE.to_owned()), ..ledger::Query::default() };
        let mut events = ledger::list(&self.test.spine, &query, 1_000).await.unwrap();
        events.reverse();
        events.iter().map(|one| one.event.read::<StateChanged>().unwrap().unwrap()).collect()
    }

    /// How many announcements can be read, and how many cannot any more.
    pub(crate) async fn readable(&self) -> (usize, usize) {
        let query =
            ledger::Query { kind: Some(StateChanged::TYPE.to_owned()), ..ledger::Query::default() };
        let events = ledger::list(&self.test.spine, &query, 1_000).await.unwrap();
        let read = events.iter().filter_map(|one| one.event.read::<StateChanged>().unwrap());
        let read = read.count();
        (read, events.len() - read)
    }

    pub(crate) async fn erase(&self, subject: &str) {
        let mut tx = self.test.spine.begin(Cause::system()).await.unwrap();
        Spine::erase(&mut tx, subject).await.unwrap();
        tx.commit().await.unwrap();
        self.running.settle().await;
    }

    /// Between which places somebody was announced to have moved.
    pub(crate) async fn moves(&self) -> Vec<(Value, Value)> {
        let place = |value: &Option<Value>| {
            value.as_ref().map_or(Value::Null, |value| value["place"].clone())
        };
        let announced = self.announced().await;
        let moves = announced.iter().filter(|change| change.facet == "location");
        moves.map(|change| (place(&change.before), place(&change.now))).collect()
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.get_as(Caller::person(ANNA), path).await
    }

    pub(crate) async fn get_as(&self, caller: Caller, path: &str) -> (u16, Value) {
        self.api.json(caller, "GET", path, None).await
    }

    pub(crate) async fn location(&self) -> Value {
        self.get(&format!("/present/person:{ANNA}/location")).await.1
    }
}

pub(crate) fn redis_url() -> String {
    std::env::var("SOVEREIGN_TEST_REDIS_URL")
        .expect("SOVEREIGN_TEST_REDIS_URL must name a Redis or Valkey")
}
