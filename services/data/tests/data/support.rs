//! A data service at work, and drafts for it.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use chrono::{DateTime, Utc};
use contracts::access::{Caller, Policy, SpaceId};
use contracts::api::Api;
use contracts::jobs::WriteEntities;
use contracts::model::{Alias, EdgeDraft, EntityDraft, Operation, Provenance, SourceKey, Target};
use contracts::testing::{HouseholdPolicy, RouterTransport};
use data::Data;
use serde_json::{Map, Value, json};
use spine::ledger::{self, Position};
use spine::testing::TestSpine;
use spine::{Cause, Clock, Filter, JobOptions, Roles, Running, Runtime, Snowflake};

pub const ADA: Snowflake = Snowflake(1);
pub const BOB: Snowflake = Snowflake(2);

pub struct Stage {
    pub test: TestSpine,
    pub data: Data,
    pub transport: Arc<RouterTransport>,
    pub running: Running,
}

pub async fn stage() -> Stage {
    stage_with(Router::new()).await
}

/// With further routes of the API, of other services.
pub async fn stage_with(others: Router) -> Stage {
    // Its time is moved by hand.
    let clock = Clock::manual(DateTime::from_timestamp(1_800_000_000, 123_456_000).unwrap());
    let test = TestSpine::start_with(&[("data", &data::MIGRATIONS)], clock, None).await.unwrap();
    let api = Api::new();
    let data = Data::open(test.spine.clone(), api.clone()).await.unwrap();
    let (routes, _) = data::routes().with_state(data.clone()).split_for_parts();
    let routes = routes.merge(others).route("/nothing", get(|| async {}));
    let transport = Arc::new(RouterTransport::new(routes, HouseholdPolicy::port()));
    api.connect(transport.clone());
    let running =
        data::register(Runtime::new(test.spine.clone()), &data).start(Roles::ALL).await.unwrap();
    Stage { test, data, transport, running }
}

/// The service's routes under another policy.
pub fn under(stage: &Stage, policy: impl Policy) -> RouterTransport {
    let (routes, _) = data::routes().with_state(stage.data.clone()).split_for_parts();
    RouterTransport::new(routes, Arc::new(policy))
}

impl Stage {
    /// Has a source write these, and waits until it is done.
    pub async fn write(&self, drafts: Vec<EntityDraft>) {
        self.order(drafts).await;
        self.running.settle().await;
    }

    pub async fn order(&self, drafts: Vec<EntityDraft>) {
        let job = WriteEntities { source: drafts[0].key.source.clone(), entities: drafts };
        let mut tx = self.test.spine.begin(Cause::system()).await.unwrap();
        tx.order(&job, JobOptions::default()).unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.call_as(Caller::person(ADA), method, path, body).await
    }

    pub async fn call_as(
        &self,
        caller: Caller,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        self.transport.json(caller, method, path, body).await
    }

    /// What the call answers, which must succeed.
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// The entities of a list.
    pub async fn list(&self, query: &str) -> Vec<Value> {
        self.get(&format!("/entities?{query}")).await["items"].as_array().unwrap().clone()
    }

    /// The only entity of a list.
    pub async fn one(&self, query: &str) -> Value {
        let mut found = self.list(query).await;
        assert_eq!(found.len(), 1, "{query}: {found:?}");
        found.remove(0)
    }

    /// The types of all events of the service, in their order.
    pub async fn events(&self) -> Vec<String> {
        self.payloads().await.into_iter().map(|(kind, _)| kind).collect()
    }

    /// Waits until readers of the ledger and of the change feed see all that was committed: they look
    /// only below the oldest transaction that runs anywhere on the server, which other tests share.
    pub async fn readable(&self) {
        let seen = "SELECT spine.transaction_horizon() > greatest(
                        (SELECT max(transaction_order) FROM spine.event),
                        (SELECT max(transaction_order) FROM data.change))";
        loop {
            let seen: Option<bool> =
                sqlx::query_scalar(seen).fetch_one(self.test.spine.pool()).await.unwrap();
            if seen.unwrap_or(true) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Destroys a subject's keys, as other services do, and waits until all have heard of it.
    pub async fn erase(&self, subject: &str) {
        let mut tx = self.test.spine.begin(Cause::system()).await.unwrap();
        spine::Spine::erase(&mut tx, subject).await.unwrap();
        tx.commit().await.unwrap();
        self.running.settle().await;
    }

    /// All rows of all tables of the service, as text; but for hashes.
    pub async fn rows(&self) -> String {
        let mut rows = String::new();
        for table in [
            "identity",
            "source_key",
            "entity",
            "provenance",
            "alias",
            "edge",
            "pending_edge",
            "merge",
            "match",
            "change",
            "embedding",
        ] {
            let query = format!(
                "SELECT coalesce(string_agg(to_jsonb(t)::text, E'\\n'), '') FROM data.{table} t"
            );
            let found: String = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
                .fetch_one(self.test.spine.pool())
                .await
                .unwrap();
            rows.push_str(&found);
        }
        rows
    }

    /// All events of the service.
    pub async fn payloads(&self) -> Vec<(String, Value)> {
        self.readable().await;
        let filter = Filter::Types(&["data.*", "etl.*"]);
        let (mut events, mut position) = (Vec::new(), Position::START);
        loop {
            let page =
                ledger::read_after(&self.test.spine, position, &filter, 5_000).await.unwrap();
            if page.events.is_empty() {
                break;
            }
            events.extend(page.events);
            position = page.end;
        }
        let short = |kind: &str| kind.split('.').nth(1).unwrap_or(kind).to_owned();
        events
            .iter()
            .map(|recorded| {
                let data = recorded.event.data.as_ref();
                let data = data.map(|data| serde_json::from_str(data.get()).unwrap());
                (short(&recorded.event.kind), data.unwrap_or(Value::Null))
            })
            .collect()
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.test.clock.now()
    }

    pub fn later(&self, seconds: i64) {
        self.test.clock.advance(chrono::Duration::seconds(seconds));
    }
}

pub fn key(source: &str, kind: &str, id: &str) -> SourceKey {
    SourceKey { source: source.to_owned(), kind: kind.to_owned(), external_id: id.to_owned() }
}

pub fn alias(scheme: &str, value: &str) -> Alias {
    Alias { scheme: scheme.to_owned(), value: value.to_owned() }
}

pub fn edge(rel: &str, to: Target) -> EdgeDraft {
    EdgeDraft { rel: rel.to_owned(), to, props: Map::new(), confidence: 1.0 }
}

/// A draft of a source in the household.
pub fn draft(source: &str, kind: &str, id: &str, class: &str, data: Value) -> EntityDraft {
    EntityDraft {
        key: key(source, kind, id),
        operation: Operation::Upsert,
        r#type: class.to_owned(),
        space: SpaceId::household(),
        data: data.as_object().unwrap().clone(),
        labels: Vec::new(),
        aliases: Vec::new(),
        edges: Vec::new(),
        valid_from: None,
        valid_to: None,
        provenance: Provenance { by: "plugin:test".to_owned(), ..Provenance::default() },
    }
}

/// A person from an address book.
pub fn contact(id: &str, name: &str) -> EntityDraft {
    draft("connector:a", "contact", id, "Person", json!({ "name": name }))
}

impl Stage {
    /// [`Stage::get`] of a path made on the spot.
    pub async fn get_owned(&self, path: String) -> Value {
        self.get(&path).await
    }
}
