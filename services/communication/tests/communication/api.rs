//! The routes: what they answer, to whom.

use axum::Router;
use bytes::Bytes;
use contracts::access::Caller;
use contracts::api::{PREFIX, Transport as _};
use contracts::events::communication::MessageSent;
use contracts::plugins::{CallRecord, ChannelEvent, InboundMessage};
use contracts::testing::{HouseholdPolicy, RouterTransport};
use http::Request;
use serde_json::{Value, json};
use spine::Snowflake;
use uuid::Uuid;

use crate::support::{OURS, OWNER, PARTNER, Stage, request};

fn api(stage: &Stage) -> RouterTransport {
    let (router, _) = communication::routes().split_for_parts();
    let router: Router = router.with_state(stage.communication.clone());
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

fn phone() -> Value {
    json!({ "plugin": "twilio", "name": "Phone", "address": OURS })
}

#[tokio::test]
async fn a_channel_is_added_seen_changed_tried_and_removed() {
    let stage = Stage::new().await;
    let api = api(&stage);
    let (status, made) = api.json(owner(), "POST", "/channels", Some(phone())).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(
        (&made["scheme"], &made["is_default"], &made["space"]),
        (&json!("tel"), &json!(true), &json!("person:7"))
    );
    let path = format!("/channels/{}", made["id"].as_str().unwrap());
    let unchanged = with_header(&api, "GET", &path, ("if-none-match", "\"1\""), Value::Null).await;
    assert_eq!(unchanged.0, 304);

    let stale =
        with_header(&api, "PATCH", &path, ("if-match", "\"3\""), json!({ "name": "P" })).await;
    assert_eq!(stale.0, 412);
    let (status, changed) =
        api.json(owner(), "PATCH", &path, Some(json!({ "name": "My phone" }))).await;
    assert_eq!(
        (status, &changed["name"], &changed["address"]),
        (200, &json!("My phone"), &json!(OURS))
    );
    let other_kind =
        api.json(owner(), "PATCH", &path, Some(json!({ "address": "a@b.example" }))).await;
    assert_eq!(other_kind.0, 422);

    let second = json!({ "plugin": "twilio", "name": "Second", "address": "+4319999999", "is_default": true });
    let (_, second) = api.json(owner(), "POST", "/channels", Some(second)).await;
    assert_eq!(second["is_default"], true);
    let (_, first) = api.json(owner(), "GET", &path, None).await;
    assert_eq!(first["is_default"], false, "one is the default");

    let (status, tried) =
        api.json(owner(), "POST", &format!("{path}/test"), Some(json!({ "to": PARTNER }))).await;
    assert_eq!((status, &tried["status"]), (202, &json!("queued")));
    stage.settle().await;
    assert_eq!(stage.carrier.taken()[0].sender.as_deref(), Some(OURS));

    let (_, list) = api.json(owner(), "GET", "/channels?limit=1", None).await;
    assert!(list["next"].is_string());
    assert_eq!(api.json(owner(), "DELETE", &format!("{path}?erase=true"), None).await.0, 204);
    stage.settle().await;
    assert_eq!(api.json(owner(), "GET", &path, None).await.0, 404);
    let message = format!("/messages/{}", tried["id"].as_str().unwrap());
    assert_eq!(api.json(owner(), "GET", &message, None).await.0, 404, "erased with its channel");
    stage.running.stop().await;
}

#[tokio::test]
async fn a_message_is_sent_once_for_one_key_and_is_found_where_it_belongs() {
    let stage = Stage::new().await;
    let api = api(&stage);
    api.json(owner(), "POST", "/channels", Some(phone())).await;
    let key = ("idempotency-key", "once");
    let body = json!({ "to": [PARTNER], "text": "Hi" });
    let (status, first) = with_header(&api, "POST", "/messages", key, body.clone()).await;
    assert_eq!(status, 202, "{first}");
    stage.settle().await;
    let (status, second) = with_header(&api, "POST", "/messages", key, body).await;
    assert_eq!((status, &second["id"], &second["status"]), (202, &first["id"], &json!("accepted")));
    stage.settle().await;
    assert_eq!((stage.carrier.taken().len(), stage.heard::<MessageSent>().len()), (1, 1));

    let reply = json!({ "to": [PARTNER], "text": "And?", "in_reply_to": first["id"] });
    api.json(owner(), "POST", "/messages", Some(reply)).await;
    stage.settle().await;
    assert_eq!(stage.carrier.taken()[1].in_reply_to.as_deref(), second["external_id"].as_str());

    let (_, conversations) = api.json(owner(), "GET", "/conversations", None).await;
    assert_eq!(conversations["items"].as_array().unwrap().len(), 1);
    let conversation =
        format!("/conversations/{}", conversations["items"][0]["id"].as_str().unwrap());
    assert_eq!(api.json(owner(), "GET", &conversation, None).await.0, 200);
    let (_, page) =
        api.json(owner(), "GET", &format!("{conversation}/messages?limit=1"), None).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let next = format!("{conversation}/messages?limit=1&cursor={}", page["next"].as_str().unwrap());
    let (_, rest) = api.json(owner(), "GET", &next, None).await;
    assert_ne!(rest["items"][0]["id"], page["items"][0]["id"]);
    assert_eq!(rest.get("next"), None);
    let (_, accepted) =
        api.json(owner(), "GET", "/messages?direction=out&status=accepted", None).await;
    assert_eq!(accepted["items"].as_array().unwrap().len(), 2);
    let (_, none) = api.json(owner(), "GET", "/messages?direction=in", None).await;
    assert_eq!(none["items"], json!([]));
    stage.running.stop().await;
}

/// A channel with a message, a conversation and a call: their paths.
async fn filled(stage: &Stage, api: &RouterTransport) -> [String; 4] {
    let (_, channel) = api.json(owner(), "POST", "/channels", Some(phone())).await;
    let channel = channel["id"].as_str().unwrap().to_owned();
    let at = stage.test.clock.now();
    stage.carrier.brings([
        ChannelEvent::Received(InboundMessage {
            external_id: "SM1".to_owned(),
            sender: PARTNER.to_owned(),
            to: vec![OURS.to_owned()],
            received: at,
            text: "Hi".to_owned(),
            attachments: Vec::new(),
            in_reply_to: None,
        }),
        ChannelEvent::Call(CallRecord {
            external_id: "CA1".to_owned(),
            from: PARTNER.to_owned(),
            to: OURS.to_owned(),
            status: "ringing".to_owned(),
            seconds: None,
            at,
        }),
    ]);
    let id = channel.parse().unwrap();
    stage.communication.receive_webhook(id, request()).await.unwrap();
    let first = async |path: &str| {
        let (_, list) = api.json(owner(), "GET", path, None).await;
        format!("{path}/{}", list["items"][0]["id"].as_str().unwrap())
    };
    [
        format!("/channels/{channel}"),
        first("/messages").await,
        first("/conversations").await,
        first("/calls").await,
    ]
}

#[tokio::test]
async fn nobody_passes_whom_the_policy_does_not_let_pass() {
    let stage = Stage::new().await;
    let api = api(&stage);
    let [channel, message, conversation, call] = filled(&stage, &api).await;
    let text = json!({ "to": [PARTNER], "text": "Hi" });
    let routes = [
        ("GET", "/channels".to_owned(), None),
        ("POST", "/channels".to_owned(), Some(phone())),
        ("GET", channel.clone(), None),
        ("PATCH", channel.clone(), Some(json!({ "name": "Mine" }))),
        ("POST", format!("{channel}/test"), Some(json!({ "to": PARTNER }))),
        ("DELETE", channel.clone(), None),
        ("GET", "/conversations".to_owned(), None),
        ("GET", conversation.clone(), None),
        ("GET", format!("{conversation}/messages"), None),
        ("GET", "/messages".to_owned(), None),
        ("POST", "/messages".to_owned(), Some(text.clone())),
        ("GET", message.clone(), None),
        ("GET", "/calls".to_owned(), None),
        ("GET", call.clone(), None),
        ("GET", format!("{channel}/opt-outs"), None),
        ("DELETE", format!("{channel}/opt-outs/%2B436601234567"), None),
        ("PUT", format!("{conversation}/read"), Some(json!({ "message": Uuid::nil() }))),
        ("DELETE", conversation, None),
        ("GET", format!("{message}/attachments/0"), None),
        ("DELETE", message, None),
        ("DELETE", call, None),
    ];
    let mut narrow = owner();
    narrow.scopes = Some(vec!["sovereign:read:rules".to_owned()]);
    let stranger = || Caller::person(Snowflake(8));
    for (method, path, body) in &routes {
        let (status, _) = api.json(Caller::anonymous(), method, path, body.clone()).await;
        assert_eq!(status, 401, "{method} {path} by nobody");
        let (status, _) = api.json(narrow.clone(), method, path, body.clone()).await;
        assert_eq!(status, 403, "{method} {path} with another scope");
        if path.len() > 20 {
            let (status, _) = api.json(stranger(), method, path, body.clone()).await;
            assert_eq!(status, 404, "{method} {path} by somebody else");
        }
    }
    for list in ["/channels", "/conversations", "/messages", "/calls"] {
        let (_, theirs) = api.json(stranger(), "GET", list, None).await;
        assert_eq!(theirs["items"], json!([]), "{list}");
    }
    // Nor does anybody send through another's channel, or answer what they may not read.
    let id = channel.strip_prefix("/channels/").unwrap();
    let through = |id: &str| json!({ "channel": id, "to": [PARTNER], "text": "Hi" });
    let theirs = api.json(stranger(), "POST", "/messages", Some(through(id))).await;
    let none = Uuid::now_v7().to_string();
    let none = api.json(stranger(), "POST", "/messages", Some(through(&none))).await;
    assert_eq!((theirs.0, &theirs), (422, &none), "they do not even learn that it is there");
    assert_eq!(
        api.json(stranger(), "POST", "/messages", Some(text)).await.0,
        422,
        "they have no channel"
    );
    stage.settle().await;
    assert!(stage.carrier.taken().is_empty());
    stage.running.stop().await;
}

#[tokio::test]
async fn what_is_not_acceptable_is_told_and_changes_nothing() {
    let stage = Stage::new().await;
    let api = api(&stage);
    for body in [
        json!({ "plugin": "absent", "name": "P", "address": OURS }),
        json!({ "plugin": "a/b", "name": "P", "address": OURS }),
        json!({ "plugin": "twilio", "name": "", "address": OURS }),
        json!({ "plugin": "twilio", "name": "P", "address": "0660" }),
        json!({ "plugin": "twilio", "name": "P", "address": OURS, "config": 5 }),
        json!({ "plugin": "twilio", "name": "P", "address": OURS, "config": { "a": "\u{0}" } }),
        json!({ "plugin": "twilio", "name": "P", "address": OURS, "config": { "wrong": 1 } }),
        json!({ "plugin": "twilio", "name": "P", "address": OURS, "labels": [" "] }),
        json!({ "plugin": "twilio", "name": "P" }),
    ] {
        let (status, problem) = api.json(owner(), "POST", "/channels", Some(body.clone())).await;
        assert_eq!(status, 422, "{body}: {problem}");
    }
    api.json(owner(), "POST", "/channels", Some(phone())).await;
    for body in [
        json!({ "to": [], "text": "Hi" }),
        json!({ "to": ["x"], "text": "Hi" }),
        json!({ "to": [PARTNER, "a@b.example"], "text": "Hi" }),
        json!({ "to": ["a@b.example"], "text": "Hi" }),
        json!({ "to": vec![PARTNER; 21], "text": "Hi" }),
        json!({ "to": [PARTNER], "text": "" }),
        json!({ "to": [PARTNER], "text": "x".repeat(10_001) }),
        json!({ "to": [PARTNER], "text": "a\u{0}" }),
        json!({ "to": [PARTNER], "text": "Hi", "subject": "a\nb" }),
        json!({ "to": [PARTNER], "text": "Hi", "channel": Uuid::nil() }),
        json!({ "to": [PARTNER], "text": "Hi", "channel": "x" }),
    ] {
        let (status, problem) = api.json(owner(), "POST", "/messages", Some(body.clone())).await;
        assert_eq!(status, 422, "{body}: {problem}");
    }
    let lost = json!({ "to": [PARTNER], "text": "Hi", "in_reply_to": Uuid::nil() });
    assert_eq!(api.json(owner(), "POST", "/messages", Some(lost)).await.0, 404);
    for path in
        ["/messages?limit=0", "/calls?cursor=!", "/conversations?channel=x", "/messages?status=x"]
    {
        assert_eq!(api.json(owner(), "GET", path, None).await.0, 422, "{path}");
    }
    for path in ["/channels/x", "/messages/%ff", "/calls/1"] {
        assert_eq!(api.json(owner(), "GET", path, None).await.0, 404, "{path}");
    }
    let (_, list) = api.json(owner(), "GET", "/messages", None).await;
    assert_eq!(list["items"], json!([]));
    stage.running.stop().await;
}

#[test]
fn the_description_names_every_route_and_refers_to_nothing_that_is_not_there() {
    let (_, routes) = communication::routes().split_for_parts();
    let document = serde_json::to_value(routes).unwrap();
    assert_eq!(document["paths"].as_object().unwrap().len(), 14);
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}
