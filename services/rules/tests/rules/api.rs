//! The API: rules are made, tried, changed, and seen by those who may.

use bytes::Bytes;
use contracts::access::Caller;
use contracts::api::{PREFIX, Transport as _};
use http::Request;
use serde_json::{Value as Json, json};
use spine::ledger;

use crate::support::{ANNA, BEN, Stage, call, signal};

fn rule() -> Json {
    json!({
        "name": "Ring", "on": [{"type": "communication.CallStarted.v1"}],
        "when": ["'Partner' in event.data.from.roles"],
        "do": [{"message": {"to": "event.data.from.address", "text": "Hi {{ event.data.from.address }}"}}],
        "test": [
            {"given": {"type": "communication.CallStarted.v1", "data": {"from": {"address": "+431", "roles": ["Partner"]}}}, "expect": "fired"},
            {"given": {"type": "communication.CallStarted.v1", "data": {"from": {"address": "+431", "roles": []}}}, "expect": "refused"},
        ],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_made_changed_in_versions_and_removed() {
    let stage = Stage::start().await;
    let (status, made) = stage.call(ANNA, "POST", "/rules", Some(rule())).await;
    assert_eq!(
        (status, &made["version"], &made["space"]),
        (201, &json!(1), &json!("person:11")),
        "{made}"
    );
    let path = format!("/rules/{}", made["id"].as_str().unwrap());
    let mut changed = rule();
    changed["name"] = "Ring again".into();
    let (status, view) = stage.call(ANNA, "PUT", &path, Some(changed)).await;
    assert_eq!(
        (status, &view["version"], &view["document"]["name"]),
        (200, &json!(2), &json!("Ring again")),
        "{view}"
    );
    let (_, versions) = stage.call(ANNA, "GET", &format!("{path}/versions"), None).await;
    assert_eq!(versions["items"].as_array().unwrap().len(), 2);
    let (status, old) = stage.call(ANNA, "GET", &format!("{path}/versions/1"), None).await;
    assert_eq!((status, &old["document"]["name"]), (200, &json!("Ring")));
    let (_, off) = stage.call(ANNA, "POST", &format!("{path}/disable"), None).await;
    assert_eq!((&off["enabled"], &off["document"]["enabled"]), (&json!(false), &json!(false)));
    let (_, list) = stage.call(ANNA, "GET", "/rules?enabled=true", None).await;
    assert!(list["items"].as_array().unwrap().is_empty());
    // Nobody else sees it.
    assert_eq!(stage.call(BEN, "GET", &path, None).await.0, 404);
    assert!(stage.call(BEN, "GET", "/rules", None).await.1["items"].as_array().unwrap().is_empty());
    assert_eq!(stage.call(BEN, "DELETE", &path, None).await.0, 404);
    assert_eq!(stage.call(ANNA, "DELETE", &path, None).await.0, 204);
    assert_eq!(stage.call(ANNA, "GET", &path, None).await.0, 404);
}

async fn raw(
    stage: &Stage,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, Json) {
    let mut request = Request::builder().method(method).uri(format!("{PREFIX}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Bytes::from(body.to_owned())).unwrap();
    let response = stage.routes.call(Caller::person(ANNA), request).await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(response.body()).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn yaml_is_taken_with_its_comments_and_a_key_makes_nothing_twice() {
    let stage = Stage::start().await;
    let yaml = "# Mine.\nname: t\non:\n  - type: a.B.v1\ndo:\n  - emit: { name: x }\n";
    let headers = [("content-type", "application/yaml"), ("idempotency-key", "k1")];
    let (status, made) = raw(&stage, "POST", "/rules", &headers, yaml).await;
    assert_eq!((status, &made["media_type"]), (201, &json!("application/yaml")), "{made}");
    assert!(made["source"].as_str().unwrap().starts_with("# Mine."));
    let (status, again) = raw(&stage, "POST", "/rules", &headers, yaml).await;
    assert_eq!((status, &again["id"]), (201, &made["id"]));
    assert_eq!(
        stage.call(ANNA, "GET", "/rules", None).await.1["items"].as_array().unwrap().len(),
        1
    );
    // Nobody overwrites what they have not seen.
    let path = format!("/rules/{}", made["id"].as_str().unwrap());
    let stale = [("content-type", "application/yaml"), ("if-match", "\"0\"")];
    assert_eq!(raw(&stage, "PUT", &path, &stale, yaml).await.0, 412);
    let seen = [("content-type", "application/yaml"), ("if-match", "\"1\"")];
    assert_eq!(raw(&stage, "PUT", &path, &seen, yaml).await.0, 200);
    assert_eq!(raw(&stage, "GET", &path, &[("if-none-match", "\"2\"")], "").await.0, 304);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rules_are_refused_with_a_reason_and_change_nothing() {
    let stage = Stage::start().await;
    let with = |field: &str, value: Json| {
        let mut rule = rule();
        rule[field] = value;
        rule
    };
    let nested = "event.data.a.all(x, event.data.b.all(y, event.data.c.all(z, x == z)))";
    for (body, kind, word) in [
        (with("when", json!([nested])), "invalid-rule", "loops are nested deeper"),
        (
            with("when", json!([format!("{}1{}", "(".repeat(500), ")".repeat(500))])),
            "invalid-rule",
            "nested deeper than 32",
        ),
        (with("when", json!(["event.data.x =="])), "invalid-rule", "no CEL"),
        (with("on", json!([])), "invalid-rule", "nothing would ever trigger it"),
        (with("do", json!([])), "invalid-rule", "`do` has 0"),
        (with("name", json!("a\u{0}b")), "invalid-rule", "NUL"),
        (with("then", json!(1)), "invalid-rule", "then"),
        (with("when", json!(["false"])), "failing-test", "test[0]"),
        (with("schedule", json!("never")), "invalid-rule", "cron"),
    ] {
        let (status, problem) = stage.call(ANNA, "POST", "/rules", Some(body)).await;
        assert_eq!(status, 422, "{problem}");
        assert!(problem["type"].as_str().unwrap().ends_with(kind), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(word), "{word}: {problem}");
    }
    let json = [("content-type", "application/json")];
    let yaml = [("content-type", "application/yaml")];
    assert_eq!(raw(&stage, "POST", "/rules", &json, "{").await.0, 400);
    assert_eq!(raw(&stage, "POST", "/rules", &[("content-type", "text/plain")], "x").await.0, 415);
    assert_eq!(raw(&stage, "POST", "/rules", &json, &" ".repeat(70_000)).await.0, 413);
    let mut bomb = String::from("name: x\na: &a [x,x,x,x,x,x,x,x,x]\n");
    for (name, before) in ('b'..='j').zip('a'..='i') {
        bomb.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(",")));
    }
    assert_eq!(raw(&stage, "POST", "/rules", &yaml, &bomb).await.0, 422);
    assert_eq!(stage.call(ANNA, "GET", "/rules/x", None).await.0, 422);
    assert_eq!(stage.call(ANNA, "POST", "/rules?space=person:22", Some(rule())).await.0, 422);
    assert!(
        stage.call(ANNA, "GET", "/rules", None).await.1["items"].as_array().unwrap().is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_type_triggers_sixty_four_rules_of_an_owner_at_most() {
    let stage = Stage::start().await;
    let rule = json!({"name": "t", "on": [{"type": "a.B.v1"}], "do": [{"emit": {"name": "x"}}]});
    for _ in 0..64 {
        assert_eq!(stage.call(ANNA, "POST", "/rules", Some(rule.clone())).await.0, 201);
    }
    let (status, problem) = stage.call(ANNA, "POST", "/rules", Some(rule.clone())).await;
    assert_eq!(status, 422);
    assert!(problem["detail"].as_str().unwrap().contains("a.B.v1"), "{problem}");
    assert_eq!(stage.call(BEN, "POST", "/rules", Some(rule)).await.0, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_would_happen_and_nothing_does() {
    let stage = Stage::start().await;
    for (who, roles) in [(ANNA, vec!["Partner"]), (ANNA, vec![]), (BEN, vec!["Partner"])] {
        stage.happens(&call(&stage, who, "+431", &roles)).await;
    }
    let before = ledger::head(&stage.test.spine).await.unwrap();
    let (status, tried) =
        stage.call(ANNA, "POST", "/rules/try", Some(json!({"rule": rule(), "last": 10}))).await;
    assert_eq!(status, 200, "{tried}");
    let outcomes: Vec<_> =
        tried["runs"].as_array().unwrap().iter().map(|run| run["outcome"].clone()).collect();
    assert_eq!(outcomes, ["refused", "fired"], "Ben's call is none of Anna's: {tried}");
    assert_eq!(tried["runs"][1]["actions"][0]["message"]["text"], "Hi +431");
    assert_eq!(tried["runs"][0]["trace"]["stop"], "when[0]: there is no \"roles\"");
    assert_eq!(ledger::head(&stage.test.spine).await.unwrap(), before, "nothing was recorded");

    let (_, made) = stage.call(ANNA, "POST", "/rules", Some(rule())).await;
    let path = format!("/rules/{}/dry-run", made["id"].as_str().unwrap());
    let event = json!({"type": "communication.CallStarted.v1", "data": {"from": {"address": "+439", "roles": ["Partner"]}}});
    let (status, ran) = stage.call(ANNA, "POST", &path, Some(json!({"event": event}))).await;
    assert_eq!((status, &ran["runs"][0]["outcome"]), (200, &json!("fired")), "{ran}");
    let other = json!({"event": {"type": "a.B", "data": {}}});
    let (_, ran) = stage.call(ANNA, "POST", &path, Some(other)).await;
    assert!(
        ran["runs"][0]["trace"]["stop"].as_str().unwrap().contains("does not trigger"),
        "{ran}"
    );
    assert_eq!(stage.call(ANNA, "POST", &path, Some(json!({"last": 501}))).await.0, 422);
    stage.running.settle().await;
    assert!(stage.sent().is_empty());
    let outcomes = stage.outcomes(made["id"].as_str().unwrap().parse().unwrap()).await;
    assert!(outcomes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn values_in_traces_are_for_the_owner_alone() {
    let stage = Stage::start().await;
    let rule = json!({
        "name": "t", "on": [{"type": "rules.Signalled.v1", "where": {"name": "go"}}],
        "when": ["event.data.data.secret != ''"], "do": [{"intention": {"title": "x"}}],
    });
    let (status, made) = stage.call(ANNA, "POST", "/rules?space=household", Some(rule)).await;
    assert_eq!((status, &made["space"]), (201, &json!("household")));
    let mut event = signal("go", json!({"secret": "hush"}));
    event.space = Some("household".parse().unwrap());
    stage.happens(&event).await;
    let id = made["id"].as_str().unwrap();
    let whole = stage.newest(id.parse().unwrap()).await;
    assert!(whole.to_string().contains("hush"));
    let (status, seen) = stage
        .call(BEN, "GET", &format!("/rules/evaluations/{}", whole["id"].as_str().unwrap()), None)
        .await;
    assert_eq!((status, &seen["outcome"]), (200, &json!("fired")));
    assert!(!seen.to_string().contains("hush"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_says_what_rules_are_made_of() {
    let stage = Stage::start().await;
    let (status, schema) = stage.call(ANNA, "GET", "/rules/schema", None).await;
    assert_eq!((status, &schema["properties"]["when"]["type"]), (200, &json!("array")));
    let (_, operators) = stage.call(ANNA, "GET", "/rules/operators", None).await;
    assert_eq!(operators["items"][0]["name"], "text/length");
    let anonymous = stage.routes.json(Caller::anonymous(), "GET", "/rules", None).await;
    assert_eq!(anonymous.0, 401);
    let (_, document) = rules::routes().split_for_parts();
    let document = serde_json::to_value(document).unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 12, "{:?}", paths.keys());
    assert!(document["components"]["schemas"]["ProblemDocument"].is_object());
}
