//! The API: who may, what is answered, what is refused.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use contracts::access::{Caller, Principal, Purpose};
use contracts::api::Transport;
use contracts::plugins::{ConnectorPlugins, PluginError, PluginFailure};
use http::Request;
use plugins::harness::sha256;
use serde_json::{Value, json};
use spine::Snowflake;

use crate::guests::full_probe;
use crate::stage::{Stage, outside};

async fn send(stage: &Stage, request: http::request::Builder, body: Vec<u8>) -> (u16, Value) {
    let response =
        stage.http.call(stage.owner(), request.body(Bytes::from(body)).unwrap()).await.unwrap();
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
}

fn post(path: &str, media: &str) -> http::request::Builder {
    Request::post(format!("/api/sovereign/v1{path}")).header("content-type", media)
}

#[tokio::test]
async fn a_component_comes_as_a_body_in_a_form_or_by_its_address() {
    let stage = Stage::start().await;
    let wasm = full_probe("1.0.0");
    let (status, answer) = send(&stage, post("/plugins", "application/wasm"), wasm.clone()).await;
    assert_eq!((status, answer["id"].as_str()), (201, Some("probe")), "{answer}");
    assert_eq!(answer["asks"]["hosts"], json!(["config:/url", "granted.example"]));
    let (status, _) = send(&stage, post("/plugins", "application/wasm"), wasm.clone()).await;
    assert_eq!(status, 200, "the very same again");

    let mut form =
        b"--x\r\ncontent-disposition: form-data; name=\"component\"; filename=\"p.wasm\"\r\n\r\n"
            .to_vec();
    let newer = full_probe("1.1.0");
    form.extend_from_slice(&newer);
    form.extend_from_slice(b"\r\n--x\r\ncontent-disposition: form-data; name=\"sha256\"\r\n\r\n");
    form.extend_from_slice(sha256(&newer).as_bytes());
    form.extend_from_slice(b"\r\n--x--\r\n");
    let media = "multipart/form-data; boundary=x";
    let (status, answer) = send(&stage, post("/plugins/probe/upgrade", media), form.clone()).await;
    assert_eq!((status, answer["version"].as_str()), (200, Some("1.1.0")), "{answer}");
    let (status, answer) = send(&stage, post("/plugins", media), form).await;
    assert_eq!(status, 200, "{answer}");

    let newest = full_probe("1.2.0");
    let digest = sha256(&newest);
    let served = Arc::new(newest);
    let url = outside(Router::new().route(
        "/p.wasm",
        get(move || {
            let served = Arc::clone(&served);
            async move { served.to_vec() }
        }),
    ))
    .await;
    let body = json!({ "url": format!("{url}/p.wasm"), "sha256": digest });
    let answer = stage.call("POST", "/plugins/probe/upgrade", body).await;
    assert_eq!(answer["version"], "1.2.0");
    for (body, expected) in [
        (json!({ "url": format!("{url}/none") }), "not-fetched"),
        (json!({ "url": format!("{url}/p.wasm"), "sha256": "0".repeat(64) }), "other-digest"),
        (json!({ "url": "ftp://a.example" }), "invalid-url"),
        (json!({ "url": "http://10.0.0.1/p.wasm" }), "not-fetched"),
        (json!({ "url": format!("{url}/p.wasm"), "sha256": "x" }), "invalid-digest"),
    ] {
        let (status, answer) = stage.http.json(stage.owner(), "POST", "/plugins", Some(body)).await;
        assert_eq!(status, 422);
        assert_eq!(answer["type"], format!("urn:sovereign:problem:{expected}"));
    }
    let (status, _) = send(&stage, post("/plugins", "text/plain"), b"x".to_vec()).await;
    assert_eq!(status, 415);
    let (status, _) = send(&stage, post("/plugins", "application/wasm"), vec![0; 21 << 20]).await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn nobody_in_particular_and_too_narrow_tokens_see_and_change_nothing() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    let mut narrow = stage.owner();
    narrow.scopes = Some(vec!["sovereign:read:plugins".to_owned()]);
    let (status, _) = stage.http.json(narrow.clone(), "GET", "/plugins/probe", None).await;
    assert_eq!(status, 200);
    let guest = Caller::new(Principal::Plugin("other".to_owned()), Purpose::SYNC);
    for (method, path) in [
        ("GET", "/plugins".to_owned()),
        ("GET", "/plugins/probe".to_owned()),
        ("POST", "/plugins/probe/enable".to_owned()),
        ("POST", "/plugins/probe/disable".to_owned()),
        ("DELETE", "/plugins/probe".to_owned()),
        ("GET", format!("/plugins/probe/accounts/{}/secrets", stage.account)),
    ] {
        let (status, _) = stage.http.json(Caller::anonymous(), method, &path, None).await;
        assert!(matches!(status, 401 | 404), "{method} {path}: {status}");
        let (status, _) = stage.http.json(guest.clone(), method, &path, None).await;
        assert!(matches!(status, 403 | 404), "{method} {path}: {status}");
        if method != "GET" {
            let (status, _) = stage.http.json(narrow.clone(), method, &path, None).await;
            assert_eq!(status, 403, "{method} {path}");
        }
    }
    assert_eq!(stage.told("").await, "1.0.0");
}

#[tokio::test]
async fn the_secrets_of_an_account_are_its_persons() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    let secrets = format!("/plugins/probe/accounts/{}/secrets", stage.account);
    let stranger = Caller::person(Snowflake(2));
    let (status, _) = stage.http.json(stranger.clone(), "GET", &secrets, None).await;
    assert_eq!(status, 404);
    let value = Some(json!({ "value": "theirs" }));
    let (status, _) = stage.http.json(stranger, "PUT", &format!("{secrets}/key"), value).await;
    assert_eq!(status, 404);
    stage.set_secret("key", "s3cret-token").await;
    let told = stage.call("GET", &secrets, json!(null)).await;
    assert_eq!(told["secrets"][0]["name"], "key");
    assert_eq!(
        (told["secrets"][0]["set"].as_bool(), told["secrets"][1]["set"].as_bool()),
        (Some(true), Some(false))
    );
    assert!(!told.to_string().contains("s3cret"), "{told}");
    let stored: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM plugins.secret")
        .fetch_one(stage.test.spine.pool())
        .await
        .unwrap();
    assert!(!stored.windows(6).any(|window| window == b"s3cret"));
    for (name, body, expected) in [
        ("nothing", json!({ "value": "x" }), 404),
        ("key", json!({ "value": "" }), 422),
        ("key", json!({}), 422),
        ("key", json!({ "value": "x", "token": { "access_token": "x", "client_id": "x" } }), 422),
        ("key", json!({ "token": { "access_token": "x", "client_id": "x" } }), 422),
        ("key", json!("x"), 422),
    ] {
        let (status, answer) =
            stage.http.json(stage.owner(), "PUT", &format!("{secrets}/{name}"), Some(body)).await;
        assert_eq!(status, expected, "{name}: {answer}");
    }
    let (status, _) =
        stage.http.json(stage.owner(), "DELETE", &format!("{secrets}/key"), None).await;
    assert_eq!(status, 204);
    let told = stage.call("GET", &secrets, json!(null)).await;
    assert_eq!(told["secrets"][0]["set"], false);
    let of_nobody = "/plugins/probe/accounts/nonsense/secrets";
    let (status, _) = stage.http.json(stage.owner(), "GET", of_nobody, None).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_change_needs_the_version_that_was_seen() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    let request = |tag: &str| {
        Request::post("/api/sovereign/v1/plugins/probe/disable").header("if-match", tag.to_owned())
    };
    let (status, _) = send(&stage, request("\"0\""), Vec::new()).await;
    assert_eq!(status, 412);
    let response = stage
        .http
        .call(
            stage.owner(),
            Request::get("/api/sovereign/v1/plugins/probe").body(Bytes::new()).unwrap(),
        )
        .await
        .unwrap();
    let tag = response.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(send(&stage, request(&tag), Vec::new()).await.0, 200);
}

#[tokio::test]
async fn configurations_are_checked_against_the_plugins_schema() {
    let stage = Stage::start().await;
    stage.enabled(full_probe("1.0.0")).await;
    let check = async |config: Value| {
        ConnectorPlugins::check_config(&stage.plugins, "probe", &config).await
    };
    check(json!({ "url": "https://a.example" })).await.unwrap();
    let error = check(json!({ "url": "short" })).await.unwrap_err();
    assert!(
        matches!(&error, PluginError::Guest(PluginFailure::BadConfig(text)) if text.contains("/url")),
        "{error}"
    );
    assert_eq!(stage.plugins.schedule("probe").await.unwrap(), Some(600));
    assert!(matches!(stage.plugins.schedule("other").await, Err(PluginError::Unavailable { .. })));
}

#[tokio::test]
async fn the_document_names_every_path_once() {
    let (_, document) = plugins::routes().split_for_parts();
    let document = serde_json::to_value(&document).unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 10, "{:?}", paths.keys().collect::<Vec<_>>());
}
