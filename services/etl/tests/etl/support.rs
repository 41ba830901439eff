//! An ETL service at work, without a data service: what it orders stays in the queue, to be looked at.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contracts::access::{Action, Caller, Decision, Permitted, Policy, Refusal, Resource, SpaceId};
use contracts::events::connectors::{DataReceived, RawRecord};
use contracts::jobs::WriteEntities;
use contracts::model::{EntityDraft, Operation};
use contracts::testing::{HouseholdPolicy, RouterTransport};
use etl::{Etl, EtlSettings};
use serde_json::Value;
use spine::ledger::{self, Position};
use spine::testing::TestSpine;
use spine::{
    Cause, Clock, EventData, Filter, JobContract as _, Problem, Roles, Running, Runtime, Snowflake,
};
use uuid::Uuid;

pub const ADA: Snowflake = Snowflake(1);
pub const BOB: Snowflake = Snowflake(2);

/// Whether a job waits until nobody changes a mapping.
pub const WAITS_FOR_ITS_TURN: &str = "SELECT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";

pub struct Stage {
    pub test: TestSpine,
    pub etl: Etl,
    pub api: RouterTransport,
    pub running: Running,
    pub account: Uuid,
}

pub async fn stage() -> Stage {
    stage_on(Clock::system()).await
}

pub async fn stage_on(clock: Clock) -> Stage {
    let test = TestSpine::start_with(&[("etl", &etl::MIGRATIONS)], clock, None).await.unwrap();
    let settings = EtlSettings { default_region: Some("AT".to_owned()), ..EtlSettings::default() };
    let etl = Etl::open(test.spine.clone(), settings).await.unwrap();
    let (routes, _) = etl::routes().with_state(etl.clone()).split_for_parts();
    let api = RouterTransport::new(routes, HouseholdPolicy::port());
    let running =
        etl::register(Runtime::new(test.spine.clone()), &etl).start(Roles::ALL).await.unwrap();
    Stage { test, etl, api, running, account: Uuid::now_v7() }
}

/// A record as a plugin gives it.
pub fn record(kind: &str, id: &str, payload: &Value) -> RawRecord {
    RawRecord {
        kind: kind.to_owned(),
        external_id: id.to_owned(),
        revision: Some("r1".to_owned()),
        operation: Operation::Upsert,
        source_time: None,
        media_type: "application/json".to_owned(),
        payload: payload.to_string(),
    }
}

pub fn gone(kind: &str, id: &str) -> RawRecord {
    RawRecord {
        operation: Operation::Delete,
        payload: String::new(),
        ..record(kind, id, &Value::Null)
    }
}

impl Stage {
    /// What an event says that brings these records into Ada's space.
    pub fn event(&self, records: Vec<RawRecord>) -> DataReceived {
        DataReceived {
            account: self.account,
            plugin: "ms-graph".to_owned(),
            plugin_version: "1.0.0".to_owned(),
            owner: ADA,
            space: SpaceId::of_person(ADA),
            labels: vec!["work".to_owned()],
            records,
            consent: None,
        }
    }

    /// These records come in, and all that follows is done.
    pub async fn receive(&self, records: Vec<RawRecord>) {
        self.happens(&self.event(records)).await;
    }

    pub async fn happens<E: EventData>(&self, event: &E) {
        let mut tx = self.test.spine.begin(Cause::system()).await.unwrap();
        tx.record(event).unwrap();
        tx.commit().await.unwrap();
        self.running.settle().await;
    }

    /// Everything that was ordered of the data service, in its order.
    pub async fn ordered(&self) -> Vec<WriteEntities> {
        let jobs: Vec<String> =
            sqlx::query_scalar("SELECT payload FROM spine.job WHERE kind = $1 ORDER BY position")
                .bind(WriteEntities::KIND)
                .fetch_all(self.test.spine.pool())
                .await
                .unwrap();
        jobs.iter().map(|job| serde_json::from_str(job).unwrap()).collect()
    }

    pub async fn drafts(&self) -> Vec<EntityDraft> {
        self.ordered().await.into_iter().flat_map(|order| order.entities).collect()
    }

    /// The drafts that one record becomes.
    pub async fn drafts_of(&self, kind: &str, payload: Value) -> Vec<EntityDraft> {
        self.receive(vec![record(kind, "1", &payload)]).await;
        let drafts = self.drafts().await;
        assert!(!drafts.is_empty(), "{:?}", self.get("/records").await);
        drafts
    }

    pub async fn count(&self, what: &'static str) -> i64 {
        sqlx::query_scalar(what).fetch_one(self.test.spine.pool()).await.unwrap()
    }

    /// How many jobs of the service's own were done.
    pub async fn processed(&self) -> i64 {
        self.count("SELECT count(*) FROM spine.job_done WHERE kind = 'etl.process_incoming_data'")
            .await
    }

    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.api.json(Caller::person(ADA), method, path, body).await
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Waits until this is so, of what the database says.
    pub async fn becomes(&self, what: &'static str) {
        let wait = async {
            while !sqlx::query_scalar::<_, bool>(what)
                .fetch_one(self.test.spine.pool())
                .await
                .unwrap()
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect(what);
    }

    /// Asks as somebody of whom the policy says what they may see.
    pub async fn get_as(&self, permitted: Permitted, path: &str) -> (u16, Value) {
        let (routes, _) = etl::routes().with_state(self.etl.clone()).split_for_parts();
        let api = RouterTransport::new(routes, Arc::new(Says(permitted)));
        api.json(Caller::person(BOB), "GET", path, None).await
    }

    /// The payloads of all events of a type, once there are so many: the ledger shows them when no older
    /// transaction of the server is open, a moment after their own.
    pub async fn heard<E: EventData>(&self, at_least: usize) -> Vec<E> {
        let wait = async {
            loop {
                let page =
                    ledger::read_after(&self.test.spine, Position::START, &Filter::All, 5_000);
                let events = page.await.unwrap().events;
                let heard: Vec<E> =
                    events.iter().filter_map(|recorded| recorded.event.read().unwrap()).collect();
                if heard.len() >= at_least {
                    return heard;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap()
    }
}

/// A policy that permits this much to everybody.
pub struct Says(pub Permitted);

#[async_trait]
impl Policy for Says {
    fn decide(&self, _: &Caller, _: Action, resource: &Resource) -> Decision {
        let allowed = self.0.admits(&resource.space, &resource.labels);
        let refusal = (!allowed).then_some(Refusal::Policy);
        Decision { allowed, because: Vec::new(), refusal }
    }

    fn permitted(&self, _: &Caller, _: Action) -> Permitted {
        self.0.clone()
    }

    async fn settled(&self) -> Result<(), Problem> {
        Ok(())
    }
}
