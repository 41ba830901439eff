//! Nobody's rule sees, keeps or does what its owner may not.

use chrono::TimeDelta;
use contracts::access::{Caller, SpaceId};
use contracts::events::communication::{CallChanged, DeliveryUpdated};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use spine::{EventData, Snowflake};
use uuid::Uuid;

use crate::support::{ANNA, BEN, Stage, signal};

/// A post, as far as it says whose it is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Post {
    author: Snowflake,
    visibility: String,
}

impl EventData for Post {
    const TYPE: &'static str = "social.PostStored.v1";
    const SOURCE: &'static str = "social";

    fn subject(&self) -> String {
        "https://node.example/posts/1".to_owned()
    }

    fn sealed_under(&self) -> Option<String> {
        None
    }
}

fn catch_all(kind: &str) -> Json {
    json!({"name": "all", "on": [{"type": kind}], "do": [{"intention": {"title": "x"}}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_nobody_is_no_rules_business() {
    let stage = Stage::start().await;
    let household = stage.rule_of(BEN, "?space=household", catch_all("communication.*")).await;
    let own = stage.rule_of(BEN, "", catch_all("communication.*")).await;
    let posts = stage.rule_of(BEN, "?space=household", catch_all("social.*")).await;
    let (call, channel, at) = (Uuid::now_v7(), Uuid::now_v7(), stage.test.clock.now());
    let status = "completed".to_owned();
    stage.happens(&CallChanged { call, channel, status, seconds: Some(3), at }).await;
    let (message, status) = (Uuid::now_v7(), "failed".to_owned());
    let detail = Some("no such number".to_owned());
    stage.happens(&DeliveryUpdated { message, channel, status, detail, at }).await;
    let post = |author, visibility: &str| Post { author, visibility: visibility.to_owned() };
    stage.happens(&post(ANNA, "direct")).await;
    stage.happens(&post(ANNA, "private")).await;
    for rule in [household, own, posts] {
        assert!(stage.outcomes_of(BEN, rule).await.is_empty(), "{rule}");
    }
    stage.happens(&post(ANNA, "public")).await;
    assert_eq!(stage.outcomes_of(BEN, posts).await, ["fired"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_hears_its_owners_circles_and_no_others() {
    let stage = Stage::start().await;
    let circle = SpaceId::of_circle(Uuid::now_v7());
    stage.world.in_circle(ANNA, &circle);
    let mut event = signal("go", json!({}));
    event.space = Some(circle.clone());
    let anna = stage.rule_of(ANNA, "", catch_all("rules.Signalled.v1")).await;
    let ben = stage.rule_of(BEN, "", catch_all("rules.Signalled.v1")).await;
    stage.happens(&event).await;
    assert_eq!(stage.outcomes(anna).await, ["fired"]);
    assert!(stage.outcomes_of(BEN, ben).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_acts_for_who_is_not_here_any_more() {
    let stage = Stage::start().await;
    let rule = stage.rule_of(BEN, "?space=household", catch_all("rules.Signalled.v1")).await;
    let mut event = signal("go", json!({}));
    event.space = Some(SpaceId::household());
    stage.world.expel(BEN, "household");
    stage.happens(&event).await;
    assert_eq!(
        stage.outcomes_of(BEN, rule).await,
        ["refused: its owner may not act here any more"]
    );
    assert_eq!(stage.number("SELECT count(*) FROM rules.firing").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_person_go_their_rules() {
    let stage = Stage::start().await;
    let own = stage.rule_of(BEN, "", catch_all("rules.Signalled.v1")).await;
    let shared = stage.rule_of(BEN, "?space=household", catch_all("rules.Signalled.v1")).await;
    let others = stage.rule_of(ANNA, "", catch_all("rules.Signalled.v1")).await;
    let mut event = signal("go", json!({}));
    event.space = Some(SpaceId::household());
    stage.happens(&event).await;
    let mut tx = stage.test.spine.begin(spine::Cause::system()).await.unwrap();
    spine::Spine::erase(&mut tx, &format!("account:{BEN}")).await.unwrap();
    tx.commit().await.unwrap();
    stage.running.settle().await;
    assert_eq!(stage.call(BEN, "GET", &format!("/rules/{own}"), None).await.0, 404);
    assert_eq!(stage.number("SELECT count(*) FROM rules.version").await, 2);
    let (_, view) = stage.call(ANNA, "GET", &format!("/rules/{shared}"), None).await;
    assert_eq!(view["stopped"], "its owner is gone");
    stage.happens(&event).await;
    let (_, view) = stage.call(ANNA, "GET", &format!("/rules/{shared}"), None).await;
    assert_eq!(view["fired"], 1, "it acted before, and not after");
    let (_, view) = stage.call(ANNA, "GET", &format!("/rules/{others}"), None).await;
    assert_eq!(view["fired"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_rules_alone_reads_no_values_and_tries_nothing() {
    let stage = Stage::start().await;
    let rule = json!({
        "name": "t", "on": [{"type": "rules.Signalled.v1", "where": {"name": "go"}}],
        "when": ["event.data.data.secret != ''"], "do": [{"intention": {"title": "x"}}],
    });
    let id = stage.rule_of(ANNA, "", rule.clone()).await;
    stage.happens(&signal("go", json!({"secret": "hush"}))).await;
    let whole = stage.newest(id).await;
    assert!(whole.to_string().contains("hush"));
    let narrow = |scopes: &[&str]| {
        let mut caller = Caller::person(ANNA);
        caller.scopes = Some(scopes.iter().map(|scope| (*scope).to_owned()).collect());
        caller
    };
    let rules_only = narrow(&["sovereign:read:rules", "sovereign:write:rules"]);
    let path = format!("/rules/evaluations/{}", whole["id"].as_str().unwrap());
    let (status, seen) = stage.routes.json(rules_only.clone(), "GET", &path, None).await;
    assert_eq!(status, 200);
    assert!(!seen.to_string().contains("hush"), "{seen}");
    for (path, body) in [
        (format!("/rules/{id}/dry-run"), json!({"last": 5})),
        ("/rules/try".to_owned(), json!({"rule": rule, "last": 5})),
    ] {
        let (status, problem) =
            stage.routes.json(rules_only.clone(), "POST", &path, Some(body.clone())).await;
        assert_eq!(status, 403, "{problem}");
        let broad = narrow(&["sovereign:read", "sovereign:write"]);
        let (status, runs) = stage.routes.json(broad, "POST", &path, Some(body)).await;
        assert_eq!((status, &runs["runs"][0]["outcome"]), (200, &json!("fired")), "{runs}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_throttles_say_nothing_and_go_when_they_are_over() {
    let stage = Stage::start().await;
    stage.rule("name: t\non: [{type: rules.Signalled.v1, where: {name: ring}}]\nthrottle: {every: 5m, key: event.data.data.who}\ndo: [{emit: {name: x}}]\n").await;
    stage.happens(&signal("ring", json!({"who": "+436641234567"}))).await;
    let keys: Vec<String> = sqlx::query_scalar("SELECT key FROM rules.throttle")
        .fetch_all(stage.test.spine.pool())
        .await
        .unwrap();
    assert_eq!(keys.len(), 1);
    assert!(!keys[0].contains("664"), "{keys:?}");
    stage.later(TimeDelta::days(2)).await;
    assert_eq!(stage.number("SELECT count(*) FROM rules.throttle").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_end_of_a_wait_looked_up_is_erased_with_it() {
    let stage = Stage::start().await;
    stage.world.state("person:11/friend", json!("22"));
    stage.world.state("person:22/place", json!("Kagran"));
    // The second condition is not asked before the end: the first one does not hold without it.
    let rule = stage.rule("name: t\non: [{type: rules.Signalled.v1, where: {name: go}}]\nlet: {who: \"state('friend')\"}\nwhen: [\"state('person:' + who, 'place') != ''\"]\nfor: 10m\ndo: [{intention: {title: \"{{ state('person:' + who, 'place') }}\"}}]\n").await;
    stage.happens(&signal("go", json!({}))).await;
    stage.world.state("person:11/friend", json!("33"));
    stage.world.state("person:33/place", json!("Stadlau"));
    stage.later(TimeDelta::minutes(11)).await;
    assert!(stage.newest(rule).await.to_string().contains("Stadlau"));
    let mut tx = stage.test.spine.begin(spine::Cause::system()).await.unwrap();
    spine::Spine::erase(&mut tx, "person:33").await.unwrap();
    tx.commit().await.unwrap();
    stage.running.settle().await;
    assert!(!stage.newest(rule).await.to_string().contains("Stadlau"));
}
