//! A policy service with a household on a database of its own.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use contracts::access::{
    Action, Caller, Decision, Policy as _, Principal, Purpose, Refusal, Resource, SpaceId, actions,
};
use contracts::testing::RouterTransport;
use policy::{PolicyService, PolicySettings};
use serde_json::{Value, json};
use spine::testing::TestSpine;
use spine::{Cause, Clock, Roles, Running, Runtime, Snowflake};
use uuid::Uuid;

pub const OWNER: Snowflake = Snowflake(101);
pub const ADMIN: Snowflake = Snowflake(102);
pub const MEMBER: Snowflake = Snowflake(103);
pub const OTHER: Snowflake = Snowflake(104);

/// Events as identity publishes them.
pub mod identity {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use spine::{EventData, Snowflake};

    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
    pub struct PersonRegistered {
        pub account: Snowflake,
        pub username: String,
        pub role: String,
        pub state: String,
    }

    impl EventData for PersonRegistered {
        const TYPE: &'static str = "identity.PersonRegistered.v1";
        const SOURCE: &'static str = "identity";
        fn subject(&self) -> String {
            format!("account:{}", self.account)
        }
    }

    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
    pub struct PersonChanged {
        pub account: Snowflake,
        pub change: String,
    }

    impl EventData for PersonChanged {
        const TYPE: &'static str = "identity.PersonChanged.v1";
        const SOURCE: &'static str = "identity";
        fn subject(&self) -> String {
            format!("account:{}", self.account)
        }
        fn sealed_under(&self) -> Option<String> {
            None
        }
    }
}

pub struct Home {
    pub spine: TestSpine,
    pub service: PolicyService,
    pub running: Running,
    api: RouterTransport,
}

pub fn start_of_time() -> DateTime<Utc> {
    "2026-03-01T12:00:00.123456Z".parse().unwrap()
}

pub async fn open(spine: &spine::Spine) -> PolicyService {
    open_with(spine, None).await
}

pub async fn open_with(spine: &spine::Spine, kept_head: Option<PathBuf>) -> PolicyService {
    let settings = PolicySettings { origin: "https://home.example".to_owned(), kept_head };
    PolicyService::open(spine.clone(), settings).await.unwrap()
}

impl Home {
    /// An owner, an admin and two members, with the clock moved by hand.
    pub async fn start() -> Self {
        Self::start_keeping(None).await
    }

    /// The same, that keeps the audit log's head in this file.
    pub async fn start_keeping(kept_head: Option<PathBuf>) -> Self {
        let clock = Clock::manual(start_of_time());
        let schemas = [("policy", &policy::MIGRATIONS)];
        let spine = TestSpine::start_with(&schemas, clock, None).await.unwrap();
        let service = open_with(&spine.spine, kept_head).await;
        let runtime = policy::register(Runtime::new(spine.spine.clone()), &service);
        let running = runtime.start(Roles::ALL).await.unwrap();
        let (router, _) = policy::routes().split_for_parts();
        let api = RouterTransport::new(router.with_state(service.clone()), service.port());
        let home = Self { spine, service, running, api };
        for (account, role) in
            [(OWNER, "owner"), (ADMIN, "admin"), (MEMBER, "member"), (OTHER, "member")]
        {
            home.register(account, role, "active").await;
        }
        home.running.settle().await;
        home
    }

    pub async fn register(&self, account: Snowflake, role: &str, state: &str) {
        let event = identity::PersonRegistered {
            account,
            username: format!("p{account}"),
            role: role.to_owned(),
            state: state.to_owned(),
        };
        self.publish(&event).await;
    }

    pub async fn change(&self, account: Snowflake, change: &str) {
        self.publish(&identity::PersonChanged { account, change: change.to_owned() }).await;
        self.running.settle().await;
    }

    pub async fn publish<E: spine::EventData>(&self, event: &E) {
        let mut tx = self.spine.spine.begin(Cause::system()).await.unwrap();
        tx.record(event).unwrap();
        tx.commit().await.unwrap();
    }

    pub fn decide(&self, caller: &Caller, action: Action, resource: &Resource) -> Decision {
        self.service.decide(caller, action, resource)
    }

    pub fn allows(&self, caller: &Caller, action: Action, resource: &Resource) -> bool {
        self.decide(caller, action, resource).allowed
    }

    pub async fn call(
        &self,
        caller: &Caller,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        self.api.json(caller.clone(), method, path, body).await
    }

    /// As a person; panics unless the status is as expected.
    pub async fn expect(
        &self,
        caller: &Caller,
        method: &str,
        path: &str,
        body: Option<Value>,
        status: u16,
    ) -> Value {
        let (found, answer) = self.call(caller, method, path, body).await;
        assert_eq!(found, status, "{method} {path}: {answer}");
        answer
    }

    /// A consent of `subject`; its id.
    pub async fn consent(&self, subject: Snowflake, body: Value) -> Uuid {
        let given = self.expect(&person(subject), "POST", "/consents", Some(body), 201).await;
        given["id"].as_str().unwrap().parse().unwrap()
    }

    pub async fn withdraw(&self, subject: Snowflake, consent: Uuid) {
        let path = format!("/consents/{consent}");
        self.expect(&person(subject), "DELETE", &path, None, 200).await;
    }

    pub async fn put_policy(&self, name: &str, text: &str) {
        let path = format!("/policies/{name}");
        self.expect(&person(OWNER), "PUT", &path, Some(json!({ "text": text })), 200).await;
    }

    /// A circle that `keeper` made; its id.
    pub async fn circle(&self, keeper: Snowflake, members: &[Snowflake]) -> Uuid {
        let body = json!({ "name": "Garden" });
        let made = self.expect(&person(keeper), "POST", "/spaces", Some(body), 201).await;
        let space = made["space"].as_str().unwrap().to_owned();
        for member in members {
            let path = format!("/spaces/{space}/members/{member}");
            self.expect(&person(keeper), "PUT", &path, Some(json!({})), 200).await;
        }
        space.strip_prefix("circle:").unwrap().parse().unwrap()
    }

    pub async fn sql(&self, statement: &'static str) {
        sqlx::query(statement).execute(self.spine.spine.pool()).await.unwrap();
    }

    pub fn port(&self) -> Arc<dyn contracts::access::Policy> {
        self.service.port()
    }
}

pub fn person(account: Snowflake) -> Caller {
    Caller::person(account)
}

pub fn plugin(name: &str) -> Caller {
    Caller::new(Principal::Plugin(name.to_owned()), Purpose::SYNC)
}

pub fn own(account: Snowflake) -> SpaceId {
    SpaceId::of_person(account)
}

pub fn entity(space: SpaceId) -> Resource {
    Resource::new("entity", "e1", space)
}

pub fn labelled(space: SpaceId, label: &str) -> Resource {
    entity(space).labelled([label.to_owned()])
}

pub fn rules_for(account: Snowflake) -> Caller {
    Caller::service("rules", Purpose::AUTOMATION).on_behalf_of(account)
}

pub fn lacks_consent(decision: &Decision) -> bool {
    matches!(decision.refusal, Some(Refusal::Consent { .. })) && !decision.allowed
}

pub const READ: Action = actions::ENTITY_READ;
pub const WRITE: Action = actions::ENTITY_WRITE;
