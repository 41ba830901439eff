//! Signing in, and tokens that the host refreshes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use chrono::{DateTime, TimeDelta};
use contracts::access::Caller;
use contracts::plugins::{ConnectorPlugins, PluginError, PluginFailure};
use plugins::{Plugins, PluginsError, SignInAnswer};
use serde_json::{Value, json};
use spine::{Clock, Snowflake};
use std::collections::HashMap;
use url::Url;

use crate::guests::{ALL, Describes, manifest, probe};
use crate::stage::{Stage, outside, settings};

const SIGN_IN: &str = r#"
[capabilities]
hosts = ["config:/url"]
state_kib = 1

[[secrets]]
name = "key"
title = "Account"
kind = "oauth2"

[secrets.oauth2]
authorization_endpoint = "{config:/url}/authorize/{config:/tenant|common}"
token_endpoint = "{config:/url}/token"
scopes = ["offline_access", "read"]
"#;

/// A service with a sign-in: each token is good for an hour, each refresh token once.
#[derive(Default)]
struct Service {
    asked: AtomicU32,
    refuses: std::sync::atomic::AtomicBool,
    /// Where it is there, each answer takes one of its permits first.
    gate: std::sync::Mutex<Option<Arc<tokio::sync::Semaphore>>>,
    arrived: tokio::sync::Notify,
}

impl Service {
    /// From now on nothing is answered until the gate has permits.
    fn close(&self) -> Arc<tokio::sync::Semaphore> {
        let gate = Arc::new(tokio::sync::Semaphore::new(0));
        *self.gate.lock().unwrap() = Some(Arc::clone(&gate));
        gate
    }
}

async fn token(
    State(service): State<Arc<Service>>,
    Form(form): Form<HashMap<String, String>>,
) -> axum::response::Response {
    let number = service.asked.fetch_add(1, Ordering::SeqCst) + 1;
    let gate = service.gate.lock().unwrap().clone();
    if let Some(gate) = gate {
        service.arrived.notify_one();
        gate.acquire().await.unwrap().forget();
    }
    if form["client_id"] != "our-app"
        || form.get("client_secret").map(String::as_str) != Some("app-secret")
    {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_client" })))
            .into_response();
    }
    let good = match form["grant_type"].as_str() {
        "authorization_code" => form["code"] == "good" && form["code_verifier"].len() == 43,
        "refresh_token" => {
            form["refresh_token"] == format!("refresh-{}", number - 1)
                && !service.refuses.load(Ordering::SeqCst)
        }
        _ => false,
    };
    if !good {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" })))
            .into_response();
    }
    Json(json!({
        "access_token": format!("access-{number}"),
        "refresh_token": format!("refresh-{number}"),
        "expires_in": 3600,
        "token_type": "Bearer",
    }))
    .into_response()
}

async fn stage() -> (Stage, Arc<Service>, Clock, String) {
    stage_with(&manifest("1.0.0", SIGN_IN)).await
}

async fn stage_with(manifest: &str) -> (Stage, Arc<Service>, Clock, String) {
    let clock = Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let stage = Stage::start_at(clock.clone()).await;
    stage.enabled(probe(manifest, "1.0.0", ALL, Describes::Well)).await;
    let service = Arc::new(Service::default());
    let shown = |headers: HeaderMap| async move {
        let told = headers
            .get("authorization")
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default();
        // The first token of all is refused early.
        if told == "Bearer stale-token" {
            StatusCode::UNAUTHORIZED.into_response()
        } else {
            told.into_response()
        }
    };
    let url = outside(
        Router::new()
            .route("/", get(shown))
            .route("/token", post(token))
            .with_state(Arc::clone(&service)),
    )
    .await;
    stage.configure(json!({ "url": url }));
    (stage, service, clock, url)
}

async fn begin(stage: &Stage) -> HashMap<String, String> {
    let path = format!("/plugins/probe/accounts/{}/oauth/key/start", stage.account);
    let body = json!({ "client_id": "our-app", "client_secret": "app-secret" });
    let answer = stage.call("POST", &path, body).await;
    let url = Url::parse(answer["authorization_url"].as_str().unwrap()).unwrap();
    assert_eq!(url.path(), "/authorize/common");
    url.query_pairs().into_owned().collect()
}

fn answer(asked: &HashMap<String, String>, code: &str) -> SignInAnswer {
    SignInAnswer { state: Some(asked["state"].clone()), code: Some(code.to_owned()), error: None }
}

#[tokio::test]
async fn a_person_signs_in_once_and_the_host_keeps_the_token_fresh() {
    let (stage, service, clock, url) = stage().await;
    let asked = begin(&stage).await;
    assert_eq!(asked["redirect_uri"], "https://node.example/oauth/plugins/callback");
    assert_eq!(
        (asked["scope"].as_str(), asked["code_challenge_method"].as_str()),
        ("offline_access read", "S256")
    );
    let done = stage
        .plugins
        .finish_sign_in(&stage.access(stage.owner()), answer(&asked, "good"))
        .await
        .unwrap();
    assert_eq!(
        (done.plugin.as_str(), done.account, done.secret.as_str()),
        ("probe", stage.account, "key")
    );
    assert_eq!(stage.told(&format!("A{url}/")).await, "Bearer access-1");
    clock.advance(TimeDelta::minutes(58));
    assert_eq!(stage.told(&format!("A{url}/")).await, "Bearer access-1");
    clock.advance(TimeDelta::seconds(90));
    // Many calls at once make one refresh.
    let what = format!("A{url}/");
    let told = futures_util::future::join_all((0..8).map(|_| stage.told(&what))).await;
    assert!(told.iter().all(|told| told == "Bearer access-2"), "{told:?}");
    assert_eq!(service.asked.load(Ordering::SeqCst), 2);
    assert_eq!(stage.failure("Skey").await, PluginFailure::Failed("not-readable".to_owned()));

    // Taken back over there: the person is asked.
    service.refuses.store(true, Ordering::SeqCst);
    clock.advance(TimeDelta::hours(2));
    let failure = stage.failure(&what).await;
    assert!(
        matches!(&failure, PluginFailure::Unauthorized(text) if text.contains("invalid_grant")),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_sign_in_ends_once_in_time_and_for_whoever_began_it() {
    let (stage, _, clock, _) = stage().await;
    let finish = async |who: Caller, answer: SignInAnswer| {
        stage.plugins.finish_sign_in(&stage.access(who), answer).await
    };
    let refused = |outcome: Result<_, PluginsError>| {
        assert!(matches!(outcome, Err(PluginsError::SignIn(_))), "{outcome:?}")
    };
    let asked = begin(&stage).await;
    refused(finish(Caller::person(Snowflake(2)), answer(&asked, "good")).await);
    refused(finish(stage.owner(), answer(&asked, "bad")).await);
    refused(
        finish(
            stage.owner(),
            SignInAnswer { state: Some("x".to_owned()), ..answer(&asked, "good") },
        )
        .await,
    );
    refused(
        finish(
            stage.owner(),
            SignInAnswer {
                code: None,
                error: Some("access_denied".to_owned()),
                ..answer(&asked, "")
            },
        )
        .await,
    );
    clock.advance(TimeDelta::minutes(16));
    refused(finish(stage.owner(), answer(&asked, "good")).await);
    let asked = begin(&stage).await;
    finish(stage.owner(), answer(&asked, "good")).await.unwrap();
    refused(finish(stage.owner(), answer(&asked, "good")).await);
}

#[tokio::test]
async fn a_token_that_is_refused_early_is_renewed_within_the_call() {
    let (stage, service, _, url) = stage().await;
    let path = format!("/plugins/probe/accounts/{}/secrets/key", stage.account);
    let token = json!({ "token": {
        "access_token": "stale-token", "refresh_token": "refresh-0", "expires_in": 3600,
        "client_id": "our-app", "client_secret": "app-secret",
    }});
    stage.call("PUT", &path, token).await;
    assert_eq!(stage.told(&format!("A{url}/")).await, "Bearer access-1");
    assert_eq!(service.asked.load(Ordering::SeqCst), 1);
    let told: Value = stage
        .call("GET", &format!("/plugins/probe/accounts/{}/secrets", stage.account), json!(null))
        .await;
    assert_eq!(
        (told["secrets"][0]["set"].as_bool(), told["secrets"][0]["kind"].as_str()),
        (Some(true), Some("oauth2"))
    );
}

async fn signed_in(stage: &Stage) {
    let asked = begin(stage).await;
    let access = stage.access(stage.owner());
    stage.plugins.finish_sign_in(&access, answer(&asked, "good")).await.unwrap();
}

#[tokio::test]
async fn two_processes_use_a_refresh_token_once() {
    let (stage, service, clock, url) = stage().await;
    signed_in(&stage).await;
    let other = stage.test.another().await.unwrap();
    let other = Plugins::open(other, contracts::api::Api::new(), settings()).await.unwrap();
    clock.advance(TimeDelta::hours(2));
    let gate = service.close();
    let what = format!("A{url}/");
    let config = json!({ "url": url });
    let here = stage.told(&what);
    let there = async {
        service.arrived.notified().await;
        let call = other.sync("probe", stage.account, &config, Some(what.clone().into_bytes()));
        let mut call = std::pin::pin!(call);
        // It waits for the other one's token, and asks for none itself.
        let early = tokio::time::timeout(std::time::Duration::from_millis(300), &mut call).await;
        assert!(early.is_err(), "{early:?}");
        gate.add_permits(10);
        call.await.unwrap().records.remove(0).payload
    };
    let (here, there) = tokio::join!(here, there);
    assert_eq!((here.as_str(), there.as_str()), ("Bearer access-2", "Bearer access-2"));
    assert_eq!(service.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_refresh_that_outlasts_its_call_is_kept() {
    let hasty = manifest("1.0.0", SIGN_IN).replace("deadline_ms = 3000", "deadline_ms = 1000");
    let (stage, service, clock, url) = stage_with(&hasty).await;
    signed_in(&stage).await;
    clock.advance(TimeDelta::hours(2));
    let gate = service.close();
    let what = format!("A{url}/");
    let failure = stage.failure(&what).await;
    assert_eq!(failure, PluginFailure::Failed("connect     ".to_owned()), "nobody answers in time");
    gate.add_permits(10);
    let told = async {
        loop {
            match stage.probe(&what).await {
                Ok(mut batch) => return batch.records.remove(0).payload,
                Err(PluginError::Guest(PluginFailure::Failed(_))) => {}
                Err(error) => panic!("{error}"),
            }
        }
    };
    let told = tokio::time::timeout(std::time::Duration::from_secs(20), told).await.unwrap();
    assert_eq!(told, "Bearer access-2");
    assert_eq!(service.asked.load(Ordering::SeqCst), 2, "the refresh token was used once");
}

#[tokio::test]
async fn a_token_that_is_refreshed_while_somebody_signs_in_again_is_kept() {
    let (stage, _, _, url) = stage().await;
    let path = format!("/plugins/probe/accounts/{}/secrets/key", stage.account);
    let token = |access: &str| json!({ "token": { "access_token": access, "refresh_token": access, "client_id": "our-app" } });
    let pool = stage.test.spine.pool();
    stage.call("PUT", &path, token("newer")).await;
    let newer: Vec<u8> =
        sqlx::query_scalar("SELECT sealed FROM plugins.secret").fetch_one(pool).await.unwrap();
    stage.call("PUT", &path, token("older")).await;
    // A refresh is about to be stored: it holds the row.
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM plugins.secret FOR UPDATE").execute(&mut *tx).await.unwrap();
    let stored = async {
        stage.until_blocked().await;
        sqlx::query("UPDATE plugins.secret SET sealed = $1, revision = revision + 1")
            .bind(&newer)
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    };
    let (asked, ()) = tokio::join!(begin(&stage), stored);
    assert_eq!(stage.told(&format!("A{url}/")).await, "Bearer newer");
    // And the sign-in that began goes on.
    let access = stage.access(stage.owner());
    stage.plugins.finish_sign_in(&access, answer(&asked, "good")).await.unwrap();
    assert_eq!(stage.told(&format!("A{url}/")).await, "Bearer access-1");
}
