//! What is refused: written once an event, read by the rule, explained when somebody asks.

use chrono::TimeDelta;
use contracts::access::Caller;
use contracts::testing::RouterTransport;
use serde_json::{Value as Json, json};
use spine::EventData;
use uuid::Uuid;

use crate::support::{ANNA, BEN, Stage, call, signal};

fn picky(name: &str) -> Json {
    json!({
        "name": name, "on": [{"type": "rules.Signalled.v1", "where": {"name": "go"}}],
        "when": ["event.data.data.n > 0", "event.data.data.n > 100"], "do": [{"emit": {"name": "x"}}],
    })
}

async fn refusals(routes: &RouterTransport, rule: Uuid) -> (Vec<Json>, Json) {
    let anna = Caller::person(ANNA);
    let path = format!("/rules/{rule}/evaluations?limit=200");
    let (status, page) = routes.json(anna.clone(), "GET", &path, None).await;
    assert_eq!(status, 200, "{page}");
    let (_, view) = routes.json(anna, "GET", &format!("/rules/{rule}"), None).await;
    (page["items"].as_array().unwrap().clone(), view)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_many_rules_refuse_is_one_row_until_somebody_reads() {
    let stage = Stage::start().await;
    let mut rules = Vec::new();
    for number in 0..40 {
        rules.push(stage.rule_of(ANNA, "", picky(&format!("r{number}"))).await);
    }
    let id = stage.happens(&signal("go", json!({"n": 5}))).await;
    assert_eq!(stage.number("SELECT count(*) FROM rules.refusal").await, 1);
    assert_eq!(stage.number("SELECT count(*) FROM rules.evaluation").await, 0);
    let (_, view) = stage.call(ANNA, "GET", &format!("/rules/{}", rules[7]), None).await;
    assert_eq!((&view["refused"], &view["fired"]), (&json!(1), &json!(0)));
    let whole = stage.newest(rules[7]).await;
    assert_eq!((&whole["outcome"], &whole["event"]), (&json!("refused"), &json!(id.to_string())));
    assert_eq!(whole["stop"], "when[1] does not hold");
    let clauses = whole["trace"]["clauses"].as_array().unwrap();
    assert_eq!(clauses.len(), 2, "{whole}");
    assert_eq!(clauses[1]["read"]["event.data.data.n"], 5);
    assert_eq!(clauses[1]["value"], false);
    assert_eq!(stage.number("SELECT count(*) FROM rules.refusal").await, 0);
    for rule in rules {
        assert_eq!(stage.outcomes(rule).await, ["refused: when[1] does not hold"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_refusals_all_are_counted_and_the_last_are_kept_whoever_folds_them() {
    let stage = Stage::start().await;
    let rule = stage.rule_of(ANNA, "", picky("r")).await;
    for n in 1..=120 {
        stage.record(&signal("go", json!({"n": n % 90 + 1}))).await;
    }
    stage.running.settle().await;
    // Two processes read at once.
    let other = rules::Rules::open(
        stage.test.another().await.unwrap(),
        contracts::api::Api::new(),
        std::sync::Arc::new(crate::firing::NoOperators),
    )
    .await
    .unwrap();
    let (router, _) = rules::routes().with_state(other).split_for_parts();
    let routes = RouterTransport::new(router, contracts::testing::HouseholdPolicy::port());
    let path = format!("/rules/{rule}");
    let caller = Caller::person(ANNA);
    let (here, there) =
        tokio::join!(stage.call(ANNA, "GET", &path, None), routes.json(caller, "GET", &path, None));
    assert_eq!((here.0, there.0), (200, 200));
    let (items, view) = refusals(&stage.routes, rule).await;
    assert_eq!((items.len(), &view["refused"]), (50, &json!(120)));
    let distinct: std::collections::BTreeSet<_> =
        items.iter().map(|item| item["event"].to_string()).collect();
    assert_eq!(distinct.len(), 50);
    // Once a minute it is done without anybody asking; what comes then goes on counting.
    stage.happens(&signal("go", json!({"n": 7}))).await;
    stage.later(TimeDelta::minutes(2)).await;
    assert_eq!(stage.number("SELECT count(*) FROM rules.refusal").await, 0);
    let (items, view) = refusals(&stage.routes, rule).await;
    assert_eq!((items.len(), &view["refused"]), (50, &json!(121)));
    assert_eq!(stage.newest(rule).await["trace"]["clauses"][0]["read"]["event.data.data.n"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_looked_up_is_kept_as_it_was() {
    let stage = Stage::start().await;
    let rule = stage.rule("name: t\non: [{type: rules.Signalled.v1, where: {name: go}}]\nwhen: [\"state('door') == 'open'\"]\ndo: [{emit: {name: x}}]\n").await;
    stage.world.state("person:11/door", json!("shut"));
    stage.happens(&signal("go", json!({}))).await;
    stage.world.state("person:11/door", json!("open"));
    let whole = stage.newest(rule).await;
    assert_eq!(whole["trace"]["clauses"][0]["read"]["state(\"door\")"], "shut", "{whole}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_follows_from_the_version_that_was_asked() {
    let stage = Stage::start().await;
    let rule = stage.rule_of(ANNA, "", picky("r")).await;
    stage.happens(&signal("go", json!({"n": 5}))).await;
    let mut changed = picky("r");
    changed["when"] = json!(["event.data.data.n == 4"]);
    let (status, _) = stage.call(ANNA, "PUT", &format!("/rules/{rule}"), Some(changed)).await;
    assert_eq!(status, 200);
    let whole = stage.newest(rule).await;
    assert_eq!(whole["version"], 1);
    assert_eq!(whole["trace"]["clauses"][1]["source"], "event.data.data.n > 100");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_is_in_no_refusal_folded_or_not() {
    let stage = Stage::start().await;
    let rule = stage.rule("name: t\non: [{type: communication.*}]\nwhen: [\"event.data.from.address.startsWith('+44')\"]\ndo: [{intention: {title: x}}]\n").await;
    let keyed = stage.rule("name: t\non: [{type: communication.*}]\nwhen: [\"{'a': 1}[event.data.from.address] == 1\"]\ndo: [{intention: {title: x}}]\n").await;
    for fold_first in [false, true] {
        let event = call(&stage, ANNA, "+4312345", &[]);
        stage.happens(&event).await;
        if fold_first {
            assert!(stage.outcomes(keyed).await[0].contains("+4312345"));
        }
        let mut tx = stage.test.spine.begin(spine::Cause::system()).await.unwrap();
        spine::Spine::erase(&mut tx, &event.subject()).await.unwrap();
        tx.commit().await.unwrap();
        stage.running.settle().await;
        for rule in [rule, keyed] {
            let whole = stage.newest(rule).await.to_string();
            assert!(!whole.contains("+4312345"), "{whole}");
        }
        assert_eq!(stage.outcomes(keyed).await[0], "refused: what this was about was erased");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_a_rule_that_is_removed_go_with_it() {
    let stage = Stage::start().await;
    let gone = stage.rule_of(ANNA, "", picky("gone")).await;
    let stays = stage.rule_of(ANNA, "", picky("stays")).await;
    stage.happens(&signal("go", json!({"n": 1}))).await;
    assert_eq!(stage.call(ANNA, "DELETE", &format!("/rules/{gone}"), None).await.0, 204);
    assert_eq!(stage.outcomes(stays).await.len(), 1);
    assert_eq!(stage.number("SELECT count(*) FROM rules.evaluation").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_asked_about_again_is_counted_once() {
    let stage = Stage::start().await;
    let rule = stage.rule_of(ANNA, "", picky("r")).await;
    let firing = stage.rule("name: t\non: [{type: rules.Signalled.v1, where: {name: go}}]\ndo: [{message: {to: '+431', text: x}}]\n").await;
    stage.happens(&signal("go", json!({"n": 1}))).await;
    stage.running.stop().await;
    for _ in 0..2 {
        // The queue forgets the job, the consumer forgets its place: all of it runs again.
        for statement in [
            "DELETE FROM spine.job_key",
            "UPDATE spine.consumer SET transaction_order = 0, sequence = 0 WHERE name = 'rules.events'",
        ] {
            sqlx::query(statement).execute(stage.test.spine.pool()).await.unwrap();
        }
        let runtime =
            rules::register(spine::Runtime::new(stage.test.another().await.unwrap()), &stage.rules);
        let running = runtime.start(spine::Roles::ALL).await.unwrap();
        running.settle().await;
        running.stop().await;
        let (items, _) = refusals(&stage.routes, rule).await;
        assert_eq!(items.len(), 1);
        let (items, view) = refusals(&stage.routes, firing).await;
        assert_eq!((items.len(), &view["fired"]), (1, &json!(1)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_all_owners_are_asked_and_each_sees_their_own() {
    let stage = Stage::start().await;
    let mut event = signal("go", json!({"n": 3}));
    event.space = Some("household".parse().unwrap());
    let (anna, ben) =
        (stage.rule_of(ANNA, "", picky("a")).await, stage.rule_of(BEN, "", picky("b")).await);
    stage.happens(&event).await;
    assert_eq!(stage.outcomes(anna).await.len(), 1);
    let (status, page) = stage.call(BEN, "GET", &format!("/rules/{ben}/evaluations"), None).await;
    assert_eq!((status, page["items"].as_array().unwrap().len()), (200, 1));
    let id = page["items"][0]["id"].as_str().unwrap();
    assert_eq!(stage.call(ANNA, "GET", &format!("/rules/evaluations/{id}"), None).await.0, 404);
}
