//! A manager on a database of its own, an outside that answers on loopback, and accounts.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use contracts::access::{Access, Caller};
use contracts::api::Api;
use contracts::events::plugins::PluginChanged;
use contracts::plugins::{ConnectorBatch, ConnectorPlugins, PluginError, PluginFailure};
use contracts::testing::{HouseholdPolicy, RouterTransport};
use plugins::{PluginSettings, Plugins, Source};
use serde_json::{Value, json};
use spine::testing::TestSpine;
use spine::{Cause, Clock, Snowflake};
use uuid::Uuid;

/// Whose account [`Stage::account`] is.
pub const OWNER: Snowflake = Snowflake(1);

pub struct Stage {
    pub test: TestSpine,
    pub plugins: Plugins,
    pub http: Arc<RouterTransport>,
    pub account: Uuid,
    /// The account's configuration.
    pub config: Arc<Mutex<Value>>,
}

pub fn settings() -> PluginSettings {
    PluginSettings {
        origin: "https://node.example".parse().unwrap(),
        user_agent: "sovereign-test".to_owned(),
        allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
        trusted_keys: Vec::new(),
    }
}

impl Stage {
    pub async fn start() -> Self {
        Self::start_at(Clock::system()).await
    }

    pub async fn start_at(clock: Clock) -> Self {
        let test =
            TestSpine::start_with(&[("plugins", &plugins::MIGRATIONS)], clock, None).await.unwrap();
        let api = Api::new();
        let plugins = Plugins::open(test.spine.clone(), api.clone(), settings()).await.unwrap();
        let account = Uuid::now_v7();
        let config = Arc::new(Mutex::new(json!({})));
        let accounts = Router::new()
            .route("/connectors/{id}", get(account_of_owner))
            .with_state((account, Arc::clone(&config)));
        let (routes, _) = plugins::routes().split_for_parts();
        let routes = routes.with_state(plugins.clone()).merge(accounts);
        let http = Arc::new(RouterTransport::new(routes, HouseholdPolicy::port()));
        api.connect(Arc::clone(&http) as _);
        Self { test, plugins, http, account, config }
    }

    /// The owner, signed in.
    pub fn owner(&self) -> Caller {
        Caller::person(OWNER)
    }

    pub fn access(&self, caller: Caller) -> Access {
        Access::new(caller, HouseholdPolicy::port())
    }

    /// A call of the owner that has to go well.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.http.json(self.owner(), method, path, Some(body)).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    pub async fn view(&self, id: &str) -> Value {
        let (status, answer) =
            self.http.json(self.owner(), "GET", &format!("/plugins/{id}"), None).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Installs, grants what is asked, and enables.
    pub async fn enabled(&self, wasm: Vec<u8>) -> String {
        let (id, _) = self.plugins.install(&Cause::system(), Source::bytes(wasm)).await.unwrap();
        let asks = self.view(&id).await["asks"].clone();
        let grant = json!({ "capabilities": asks, "networks": ["127.0.0.0/8"] });
        self.call("POST", &format!("/plugins/{id}/grant"), grant).await;
        self.call("POST", &format!("/plugins/{id}/enable"), json!({})).await;
        id
    }

    /// The probe is told what to do.
    pub async fn probe(&self, what: &str) -> Result<ConnectorBatch, PluginError> {
        let config = self.config.lock().unwrap().clone();
        let cursor = (!what.is_empty()).then(|| what.as_bytes().to_vec());
        self.plugins.sync("probe", self.account, &config, cursor).await
    }

    /// What the probe's one record says.
    pub async fn told(&self, what: &str) -> String {
        self.probe(what).await.unwrap().records.remove(0).payload
    }

    /// Why the probe says that it could not.
    pub async fn failure(&self, what: &str) -> PluginFailure {
        match self.probe(what).await.unwrap_err() {
            PluginError::Guest(failure) => failure,
            other => panic!("{other}"),
        }
    }

    /// Why the probe was stopped.
    pub async fn stopped(&self, what: &str) -> String {
        match self.probe(what).await.unwrap_err() {
            PluginError::Stopped { reason, .. } => reason,
            other => panic!("{other}"),
        }
    }

    pub async fn set_secret(&self, name: &str, value: &str) {
        let path = format!("/plugins/probe/accounts/{}/secrets/{name}", self.account);
        self.call("PUT", &path, json!({ "value": value })).await;
    }

    pub fn configure(&self, config: Value) {
        *self.config.lock().unwrap() = config;
    }

    /// Waits until somebody waits for a lock in the database.
    pub async fn until_blocked(&self) {
        let blocked = async {
            loop {
                let waiting: i64 = sqlx::query_scalar(
                    "SELECT count(*) FROM pg_stat_activity
                      WHERE datname = current_database()
                        AND wait_event_type = 'Lock' AND wait_event IN ('transactionid', 'tuple')",
                )
                .fetch_one(self.test.spine.pool())
                .await
                .unwrap();
                if waiting > 0 {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), blocked).await.unwrap();
    }

    /// What was recorded of a plugin, in order.
    pub async fn changes(&self, plugin: &str) -> Vec<String> {
        let rows: Vec<(Vec<u8>,)> = sqlx::query_as(
            "SELECT data FROM spine.event WHERE type = $1 AND subject = $2 ORDER BY id",
        )
        .bind(<PluginChanged as spine::EventData>::TYPE)
        .bind(format!("plugin:{plugin}"))
        .fetch_all(self.test.spine.pool())
        .await
        .unwrap();
        rows.into_iter()
            .map(|(data,)| serde_json::from_slice::<PluginChanged>(&data).unwrap().change)
            .collect()
    }
}

async fn account_of_owner(
    access: Access,
    State((account, config)): State<(Uuid, Arc<Mutex<Value>>)>,
    Path(id): Path<Uuid>,
) -> axum::response::Response {
    if access.caller().responsible() != Some(OWNER) || id != account {
        return spine::Problem::not_found().into_response();
    }
    let config = config.lock().unwrap().clone();
    let space = format!("person:{OWNER}");
    Json(json!({ "id": id, "plugin": "probe", "space": space, "config": config })).into_response()
}

/// Serves routes on loopback; answers the address.
pub async fn outside(routes: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    format!("http://{address}")
}
