//! The routes: what they answer, to whom.

use bytes::Bytes;
use contracts::access::{Caller, SpaceId};
use contracts::api::{PREFIX, Transport as _};
use http::Request;
use serde_json::{Value, json};

use crate::support::{ADA, BOB, Stage, record, stage};

async fn send(stage: &Stage, media: &str, tag: Option<&str>, body: &str) -> (u16, Value) {
    let mut request =
        Request::put(format!("{PREFIX}/mappings/planet")).header("content-type", media);
    if let Some(tag) = tag {
        request = request.header("if-match", tag);
    }
    let request = request.body(Bytes::from(body.to_owned())).unwrap();
    let response = stage.api.call(Caller::person(ADA), request).await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(response.body()).unwrap_or_default())
}

const YAML: &str = "mapping: planet\nrecord: planet.orbit/1\nentities:\n  - type: Thing\n    properties: { name: { path: title, as: name } }\n";

#[tokio::test]
async fn only_who_may_see_a_space_sees_its_records() {
    let stage = stage().await;
    let contact = record("ms-graph.contact/1", "c1", &json!({ "displayName": "Ada" }));
    stage.receive(vec![contact.clone()]).await;
    let mut shared = stage.event(vec![contact]);
    shared.account = uuid::Uuid::now_v7();
    shared.space = SpaceId::household();
    stage.happens(&shared).await;
    let all = stage.get("/records").await;
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    assert!(all["items"][0].get("payload").is_none(), "a list has no payloads");
    let own =
        all["items"].as_array().unwrap().iter().find(|one| one["space"] == "person:1").unwrap();
    let path = format!("/records/{}", own["id"].as_str().unwrap());

    let bob = Caller::person(BOB);
    let (_, seen) = stage.api.json(bob.clone(), "GET", "/records", None).await;
    assert_eq!(seen["items"].as_array().unwrap().len(), 1);
    assert_eq!(seen["items"][0]["space"], "household");
    assert_eq!(stage.api.json(bob, "GET", &path, None).await.0, 404);
    for path in ["/records", &path, "/mappings", "/mappings/feed.entry", "/mappings/schema"] {
        assert_eq!(stage.api.json(Caller::anonymous(), "GET", path, None).await.0, 401, "{path}");
    }
    let account = format!("/records?account={}&limit=1", shared.account);
    assert_eq!(stage.get(&account).await["items"].as_array().unwrap().len(), 1);
    let first = stage.get("/records?limit=1").await;
    let second =
        stage.get(&format!("/records?limit=1&cursor={}", first["next"].as_str().unwrap())).await;
    assert_ne!(first["items"][0]["id"], second["items"][0]["id"]);
    assert!(second.get("next").is_none());
}

#[tokio::test]
async fn a_token_that_only_reads_changes_no_mapping() {
    let stage = stage().await;
    let mut reader = Caller::person(ADA);
    reader.scopes = Some(vec!["sovereign:read".to_owned()]);
    let (status, _) = stage.api.json(reader.clone(), "GET", "/mappings/feed.entry", None).await;
    assert_eq!(status, 200);
    for (method, path) in [("PUT", "/mappings/planet"), ("POST", "/mappings/feed.entry/rerun")] {
        let (status, body) = stage.api.json(reader.clone(), method, path, Some(json!({}))).await;
        assert_eq!(status, 403, "{body}");
    }
}

#[tokio::test]
async fn a_mapping_is_sent_as_yaml_or_json_and_nobody_overwrites_what_they_have_not_seen() {
    let stage = stage().await;
    assert_eq!(send(&stage, "application/yaml", None, YAML).await.0, 201);
    let changed = YAML.replace("as: name", "as: line");
    let (status, body) = send(&stage, "text/yaml; charset=utf-8", Some("\"7\""), &changed).await;
    assert_eq!((status, &body["status"]), (412, &json!(412)));
    let (status, body) = send(&stage, "application/yaml", Some("\"1\""), &changed).await;
    assert_eq!((status, &body["version"]), (200, &json!(2)));
    let back = body["document"].to_string();
    assert_eq!(send(&stage, "application/json", None, &back).await.1["version"], 2);
}

#[tokio::test]
async fn a_mapping_that_cannot_be_used_is_refused_with_what_is_wrong() {
    let stage = stage().await;
    let with = |entity: Value| {
        json!({ "mapping": "planet", "record": "planet.orbit/1", "entities": [entity] }).to_string()
    };
    let thing = |value: Value| with(json!({ "type": "Thing", "properties": { "name": value } }));
    let mut deep = json!("a");
    for _ in 0..40 {
        deep = json!({ "first_of": [deep] });
    }
    let cases = [
        (422, "no such type", with(json!({ "type": "Robot", "properties": { "name": "a" } }))),
        (422, "no properties", with(json!({ "type": "Thing", "properties": {} }))),
        (
            422,
            "unknown field",
            with(json!({ "type": "Thing", "properties": { "name": "a" }, "colour": 1 })),
        ),
        (422, "a path that is none", thing(json!("a..b"))),
        (422, "an unknown transform", thing(json!({ "path": "a", "as": "shout" }))),
        (422, "two sources", thing(json!({ "path": "a", "constant": 1 }))),
        (422, "a rule with an unknown field", thing(json!({ "paht": "a" }))),
        (422, "too deep", thing(deep)),
        (422, "a template without a path", thing(json!({ "template": "x" }))),
        (422, "NUL", thing(json!({ "constant": "a\u{0}" }))),
        (
            422,
            "a key on the first entity",
            with(
                json!({ "type": "Thing", "properties": { "a": "a" }, "key": { "kind": "k", "id": "a" } }),
            ),
        ),
        (
            422,
            "an edge to nowhere",
            with(
                json!({ "type": "Thing", "properties": { "a": "a" }, "edges": [{ "rel": "knows" }] }),
            ),
        ),
        (422, "another name", YAML_JSON.replace("planet", "moon")),
        (400, "no JSON", "{".to_owned()),
        (413, "too long", " ".repeat(70_000)),
    ];
    for (expected, what, body) in cases {
        let (status, answer) = send(&stage, "application/json", None, &body).await;
        assert_eq!(status, expected, "{what}: {answer}");
        assert!(answer["type"].as_str().unwrap().starts_with("urn:sovereign:problem:"));
    }
    assert_eq!(send(&stage, "text/plain", None, YAML).await.0, 415);
    let bomb = format!(
        "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [{0}]\nc: &c [{1}]\n{YAML}",
        "*a,".repeat(9),
        "*b,".repeat(9)
    );
    assert_eq!(send(&stage, "application/yaml", None, &bomb).await.0, 422);
    let taken = YAML.replace("planet.orbit/1", "feed.entry/1");
    assert_eq!(send(&stage, "application/yaml", None, &taken).await.0, 409);
    let (status, _) = stage.call("GET", "/mappings/planet", None).await;
    assert_eq!(status, 404, "nothing was kept of all that");
}

const YAML_JSON: &str = r#"{"mapping":"planet","record":"planet.orbit/1","entities":[{"type":"Thing","properties":{"name":"a"}}]}"#;

#[tokio::test]
async fn a_mapping_is_tried_and_nothing_is_kept() {
    let stage = stage().await;
    let mapping: Value = serde_json::from_str(YAML_JSON).unwrap();
    let trial = |payload: Value| json!({ "mapping": mapping, "record": { "payload": payload } });
    let (status, tried) =
        stage.call("POST", "/mappings/try", Some(trial(json!({ "a": "Mars" })))).await;
    assert_eq!(status, 200, "{tried}");
    assert_eq!(tried["drafts"][0]["data"], json!({ "name": "Mars" }));
    let (_, refused) = stage.call("POST", "/mappings/try", Some(trial(json!({ "b": 1 })))).await;
    assert!(refused["refused"].is_string());
    let wrong = json!({ "mapping": { "mapping": "x" }, "record": { "payload": {} } });
    assert_eq!(stage.call("POST", "/mappings/try", Some(wrong)).await.0, 422);
    assert!(stage.drafts().await.is_empty());
    assert_eq!(stage.count("SELECT count(*) FROM etl.mapping WHERE name = 'planet'").await, 0);
}

#[tokio::test]
async fn strange_parameters_are_refused_and_the_schema_is_one() {
    let stage = stage().await;
    for (path, expected) in [
        ("/records?account=x", 422),
        ("/records?kind=%00", 422),
        ("/records?state=lost", 422),
        ("/records?limit=0", 422),
        ("/records?cursor=%25", 422),
        ("/records/x", 404),
        ("/records/018f4e5e-0000-7000-8000-000000000001", 404),
        ("/mappings/%00", 404),
        ("/mappings/none", 404),
        ("/mappings/none/reruns", 404),
        ("/mappings?cursor=IgAi", 422),
    ] {
        let (status, body) = stage.call("GET", path, None).await;
        assert_eq!(status, expected, "{path}: {body}");
    }
    assert_eq!(stage.call("POST", "/mappings/none/rerun", None).await.0, 404);
    let schema = stage.get("/mappings/schema").await;
    assert_eq!(schema["additionalProperties"], false);
    assert!(schema["$defs"]["Source"]["anyOf"].is_array(), "{schema}");
}
