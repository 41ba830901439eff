//! The routes: what they answer, to whom.

use axum::Router;
use bytes::Bytes;
use contracts::access::Caller;
use contracts::api::{PREFIX, Transport as _};
use contracts::testing::{HouseholdPolicy, RouterTransport};
use http::Request;
use serde_json::{Value, json};
use spine::Snowflake;
use uuid::Uuid;

use crate::support::{Answer, OWNER, Stage, page};

fn api(stage: &Stage) -> RouterTransport {
    let (router, _) = connectors::routes().split_for_parts();
    let router: Router = router.with_state(stage.connectors.clone());
    RouterTransport::new(router, HouseholdPolicy::port())
}

fn owner() -> Caller {
    Caller::person(OWNER)
}

async fn with_header(
    api: &RouterTransport,
    method: &str,
    path: &str,
    header: (&str, &str),
    body: Value,
) -> (u16, Value) {
    let request = Request::builder()
        .method(method)
        .uri(format!("{PREFIX}{path}"))
        .header("content-type", "application/json")
        .header(header.0, header.1)
        .body(Bytes::from(body.to_string()))
        .unwrap();
    let response = api.call(owner(), request).await.unwrap();
    let body = serde_json::from_slice(response.body()).unwrap_or_default();
    (response.status().as_u16(), body)
}

fn news() -> Value {
    json!({ "plugin": "rss", "name": "News", "config": { "url": "https://news.example/feed" }, "labels": ["news"] })
}

#[tokio::test]
async fn an_account_is_added_seen_changed_paused_and_removed() {
    let stage = Stage::new().await;
    let api = api(&stage);
    stage.source.says([Answer::Page(page([1], "a", false))]);
    let (status, made) = api.json(owner(), "POST", "/connectors", Some(news())).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!((&made["space"], &made["schedule"]), (&json!("person:7"), &json!(600)));
    let path = format!("/connectors/{}", made["id"].as_str().unwrap());
    stage.settle().await;

    let (_, seen) = api.json(owner(), "GET", &path, None).await;
    assert_eq!(seen["state"], "active");
    assert!(seen["health"]["last_sync_at"].is_string());
    let (_, runs) = api.json(owner(), "GET", &format!("{path}/runs"), None).await;
    assert_eq!(
        (&runs["items"][0]["trigger"], &runs["items"][0]["records"]),
        (&json!("added"), &json!(1))
    );

    let change = json!({ "name": "The news", "schedule": null });
    let stale = with_header(&api, "PATCH", &path, ("if-match", "\"9\""), change.clone()).await;
    assert_eq!(stale.0, 412);
    let (status, changed) = with_header(&api, "PATCH", &path, ("if-match", "\"1\""), change).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!((&changed["name"], &changed["schedule"]), (&json!("The news"), &Value::Null));
    assert_eq!(changed["health"]["next_sync_at"], Value::Null);
    assert_eq!(changed["labels"], json!(["news"]), "what is not named stays");

    let (status, _) = api.json(owner(), "POST", &format!("{path}/sync"), None).await;
    assert_eq!(status, 202);
    let (status, _) = api.json(owner(), "POST", &format!("{path}/resync"), None).await;
    assert_eq!(status, 202);
    stage.settle().await;
    let (_, paused) = api.json(owner(), "POST", &format!("{path}/pause"), None).await;
    assert_eq!(paused["state"], "paused");
    let (status, problem) = api.json(owner(), "POST", &format!("{path}/sync"), None).await;
    assert_eq!((status, &problem["type"]), (422, &json!("urn:sovereign:problem:not-active")));
    let (_, resumed) = api.json(owner(), "POST", &format!("{path}/resume"), None).await;
    assert_eq!(resumed["state"], "active");

    assert_eq!(api.json(owner(), "DELETE", &format!("{path}?erase=true"), None).await.0, 204);
    assert_eq!(api.json(owner(), "GET", &path, None).await.0, 404);
    stage.running.stop().await;
}

#[tokio::test]
async fn the_same_key_adds_nothing_twice_and_lists_go_on_where_they_stopped() {
    let stage = Stage::new().await;
    let api = api(&stage);
    let key = ("idempotency-key", "once");
    let (_, first) = with_header(&api, "POST", "/connectors", key, news()).await;
    let (status, second) = with_header(&api, "POST", "/connectors", key, news()).await;
    assert_eq!((status, &first["id"]), (201, &second["id"]));
    for _ in 0..2 {
        api.json(owner(), "POST", "/connectors", Some(news())).await;
    }
    let (_, page) = api.json(owner(), "GET", "/connectors?limit=2&plugin=rss", None).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let next = format!("/connectors?limit=2&cursor={}", page["next"].as_str().unwrap());
    let (_, rest) = api.json(owner(), "GET", &next, None).await;
    assert_eq!((rest["items"].as_array().unwrap().len(), rest.get("next")), (1, None));
    let (_, none) = api.json(owner(), "GET", "/connectors?state=paused", None).await;
    assert_eq!(none["items"], json!([]));

    let id = Uuid::parse_str(first["id"].as_str().unwrap()).unwrap();
    let moved = connectors::AccountChange {
        space: Some(contracts::access::SpaceId::of_person(Snowflake(8))),
        ..connectors::AccountChange::default()
    };
    let account = stage.account(id).await;
    stage.connectors.change(account, moved, spine::Cause::system()).await.unwrap();
    let (status, _) = with_header(&api, "POST", "/connectors", key, news()).await;
    assert_eq!(status, 404, "the key shows nothing that its caller may not see");

    let phone = json!({ "name": "Phone", "kind": "phone" });
    let (status, device) = with_header(&api, "POST", "/devices", key, phone.clone()).await;
    assert_eq!(status, 201);
    assert!(device["token"].as_str().unwrap().starts_with("sov_device_"));
    let (_, again) = with_header(&api, "POST", "/devices", key, phone).await;
    assert_eq!((&again["id"], again.get("token")), (&device["id"], None), "a token is told once");
    stage.running.stop().await;
}

#[tokio::test]
async fn devices_are_registered_renamed_and_removed_by_their_person() {
    let stage = Stage::new().await;
    let api = api(&stage);
    let (_, device) = api.json(owner(), "POST", "/devices", Some(json!({ "name": "Phone" }))).await;
    let path = format!("/devices/{}", device["id"].as_str().unwrap());
    let (status, renamed) =
        api.json(owner(), "PATCH", &path, Some(json!({ "name": "Old phone" }))).await;
    assert_eq!(
        (status, &renamed["name"], &renamed["version"]),
        (200, &json!("Old phone"), &json!(2))
    );
    let (status, renewed) = api.json(owner(), "POST", &format!("{path}/token"), None).await;
    assert_eq!((status, &renewed["version"]), (200, &json!(3)));
    let opens = async |device: &Value| {
        let token = device["token"].as_str().unwrap();
        stage.connectors.authenticate_device(token).await.unwrap().is_some()
    };
    assert!(!opens(&device).await && opens(&renewed).await, "the new one, and no other");
    let (_, list) = api.json(owner(), "GET", "/devices", None).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0].get("token"), None);
    let stale = with_header(&api, "DELETE", &path, ("if-match", "\"1\""), Value::Null).await;
    assert_eq!(stale.0, 412);
    assert_eq!(api.json(owner(), "DELETE", &path, None).await.0, 204);
    assert_eq!(api.json(owner(), "GET", &path, None).await.0, 404);
    stage.running.stop().await;
}

#[tokio::test]
async fn nobody_passes_whom_the_policy_does_not_let_pass() {
    let stage = Stage::new().await;
    let api = api(&stage);
    let (_, account) = api.json(owner(), "POST", "/connectors", Some(news())).await;
    let (_, device) = api.json(owner(), "POST", "/devices", Some(json!({ "name": "Phone" }))).await;
    let account = format!("/connectors/{}", account["id"].as_str().unwrap());
    let device = format!("/devices/{}", device["id"].as_str().unwrap());
    let name = json!({ "name": "Mine" });
    let routes = [
        ("GET", "/connectors".to_owned(), None),
        ("POST", "/connectors".to_owned(), Some(news())),
        ("GET", account.clone(), None),
        ("PATCH", account.clone(), Some(name.clone())),
        ("POST", format!("{account}/pause"), None),
        ("POST", format!("{account}/resume"), None),
        ("POST", format!("{account}/sync"), None),
        ("POST", format!("{account}/resync"), None),
        ("GET", format!("{account}/runs"), None),
        ("DELETE", account.clone(), None),
        ("GET", "/devices".to_owned(), None),
        ("POST", "/devices".to_owned(), Some(name.clone())),
        ("GET", device.clone(), None),
        ("PATCH", device.clone(), Some(name)),
        ("POST", format!("{device}/token"), None),
        ("DELETE", device.clone(), None),
    ];
    let mut narrow = owner();
    narrow.scopes = Some(vec!["sovereign:read:rules".to_owned()]);
    for (method, path, body) in &routes {
        let (status, _) = api.json(Caller::anonymous(), method, path, body.clone()).await;
        assert_eq!(status, 401, "{method} {path} by nobody");
        let (status, _) = api.json(narrow.clone(), method, path, body.clone()).await;
        assert_eq!(status, 403, "{method} {path} with another scope");
        if path.len() > 20 {
            let stranger = Caller::person(Snowflake(8));
            let (status, _) = api.json(stranger, method, path, body.clone()).await;
            assert_eq!(status, 404, "{method} {path} by somebody else");
        }
    }
    let (_, theirs) = api.json(Caller::person(Snowflake(8)), "GET", "/connectors", None).await;
    assert_eq!(theirs["items"], json!([]));
    let household = json!({ "plugin": "rss", "name": "N", "space": "person:8" });
    assert_eq!(api.json(owner(), "POST", "/connectors", Some(household)).await.0, 403);
    let moved = api.json(owner(), "PATCH", &account, Some(json!({ "space": "person:8" }))).await;
    assert_eq!(moved.0, 403);
    stage.running.stop().await;
}

#[tokio::test]
async fn what_is_not_acceptable_is_told_and_changes_nothing() {
    let stage = Stage::new().await;
    let api = api(&stage);
    let refused = [
        json!({ "plugin": "../x", "name": "N" }),
        json!({ "plugin": "absent", "name": "N" }),
        json!({ "plugin": "rss", "name": "" }),
        json!({ "plugin": "rss", "name": "a\u{0}" }),
        json!({ "plugin": "rss", "name": "N", "config": [] }),
        json!({ "plugin": "rss", "name": "N", "config": { "a": "\u{0}" } }),
        json!({ "plugin": "rss", "name": "N", "config": { "wrong": 1 } }),
        json!({ "plugin": "rss", "name": "N", "schedule": 5 }),
        json!({ "plugin": "rss", "name": "N", "schedule": -5 }),
        json!({ "plugin": "patient", "name": "N", "schedule": 299 }),
        json!({ "plugin": "rss", "name": "N", "labels": [""] }),
        json!({ "plugin": "rss", "name": "N", "space": "nowhere" }),
        json!({ "name": "N" }),
    ];
    for body in refused {
        let (status, problem) = api.json(owner(), "POST", "/connectors", Some(body.clone())).await;
        assert_eq!(status, 422, "{body}: {problem}");
    }
    let (_, wrong) = api
        .json(
            owner(),
            "POST",
            "/connectors",
            Some(json!({ "plugin": "rss", "name": "N", "config": { "wrong": 1 } })),
        )
        .await;
    assert!(wrong["title"].as_str().unwrap().contains("`wrong` is no setting"), "{wrong}");
    for path in [
        "/connectors?limit=0",
        "/connectors?cursor=!",
        "/connectors?state=x",
        "/connectors?plugin=%00",
    ] {
        assert_eq!(api.json(owner(), "GET", path, None).await.0, 422, "{path}");
    }
    for path in ["/connectors/x", "/devices/%ff", &format!("/connectors/{}/runs", Uuid::nil())] {
        assert_eq!(api.json(owner(), "GET", path, None).await.0, 404, "{path}");
    }
    let (_, list) = api.json(owner(), "GET", "/connectors", None).await;
    assert_eq!(list["items"], json!([]));
    stage.running.stop().await;
}

#[test]
fn the_description_names_every_route_and_refers_to_nothing_that_is_not_there() {
    let (_, routes) = connectors::routes().split_for_parts();
    let (_, door) = connectors::device_routes(HouseholdPolicy::port()).split_for_parts();
    let document = serde_json::to_value(routes.merge_from(door)).unwrap();
    assert_eq!(document["paths"].as_object().unwrap().len(), 11);
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}
