//! What runs away is stopped; what is busy takes no place of others.

use contracts::events::rules::{RuleChanged, Signalled};
use serde_json::json;
use spine::{EventData, ledger};

use crate::support::{ANNA, BEN, Stage, signal};

#[tokio::test(flavor = "multi_thread")]
async fn two_rules_that_answer_each_other_end_after_eight() {
    let stage = Stage::start().await;
    let mut rules = Vec::new();
    for (hears, says) in [("ping", "pong"), ("pong", "ping")] {
        rules.push(stage.rule(&format!("name: t\non: [{{type: rules.Signalled.v1, where: {{name: {hears}}}}}]\ndo: [{{emit: {{name: {says}}}}}]\n")).await);
    }
    stage.happens(&signal("ping", json!({}))).await;
    let query =
        ledger::Query { kind: Some(Signalled::TYPE.to_owned()), ..ledger::Query::default() };
    let said = ledger::list(&stage.test.spine, &query, 500).await.unwrap();
    assert_eq!(said.len(), 1 + 8);
    let mut all = stage.outcomes(rules[0]).await;
    all.extend(stage.outcomes(rules[1]).await);
    assert_eq!(all.iter().filter(|line| *line == "fired").count(), 8);
    assert_eq!(all.iter().filter(|line| line.contains("looks like a loop")).count(), 1, "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_takes_too_long_is_stopped_and_can_be_switched_on_again() {
    let stage = Stage::start().await;
    let rule = stage.rule("name: t\non: [{type: rules.Signalled.v1, where: {name: go}}]\nwhen: [\"event.data.data.a.all(x, event.data.data.a.all(y, x + y >= 0))\"]\ndo: [{intention: {title: x}}]\n").await;
    let few: Vec<i32> = (0..10).collect();
    let many: Vec<i32> = (0..1_000).collect();
    stage.happens(&signal("go", json!({"a": few}))).await;
    stage.happens(&signal("go", json!({"a": many}))).await;
    let outcomes = stage.outcomes(rule).await;
    assert!(outcomes[0].starts_with("failed: it takes too long"), "{outcomes:?}");
    assert_eq!(outcomes[1], "fired");
    let (_, view) = stage.call(ANNA, "GET", &format!("/rules/{rule}"), None).await;
    assert!(view["stopped"].as_str().unwrap().contains("limits"));
    let query =
        ledger::Query { kind: Some(RuleChanged::TYPE.to_owned()), ..ledger::Query::default() };
    let changes = ledger::list(&stage.test.spine, &query, 10).await.unwrap();
    assert_eq!(changes[0].event.read::<RuleChanged>().unwrap().unwrap().change, "stopped");
    stage.happens(&signal("go", json!({"a": few}))).await;
    assert_eq!(stage.outcomes(rule).await.len(), 2, "it runs no more");
    let (status, view) = stage.call(ANNA, "POST", &format!("/rules/{rule}/enable"), None).await;
    assert_eq!((status, &view["stopped"]), (200, &json!(null)));
    stage.happens(&signal("go", json!({"a": few}))).await;
    assert_eq!(stage.outcomes(rule).await[0], "fired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_sends_sixty_times_a_minute_at_most_and_keeps_its_last_traces() {
    let stage = Stage::start().await;
    let busy = stage.rule("name: t\non: [{type: rules.Signalled.v1, where: {name: go}}]\ndo: [{message: {to: \"'+436641234567'\", text: x}}]\n").await;
    let calm = stage.rule("name: t\non: [{type: rules.Signalled.v1, where: {name: once}}]\nwhen: [event.data.name > 1]\ndo: [{intention: {title: x}}]\n").await;
    stage.record(&signal("once", json!({}))).await;
    for _ in 0..120 {
        stage.record(&signal("go", json!({}))).await;
    }
    stage.running.settle().await;
    let (_, page) =
        stage.call(ANNA, "GET", &format!("/rules/{busy}/evaluations?limit=200"), None).await;
    let count = |outcome: &str| {
        page["items"].as_array().unwrap().iter().filter(|made| made["outcome"] == outcome).count()
    };
    assert_eq!((count("fired"), count("throttled")), (50, 50));
    let (_, view) = stage.call(ANNA, "GET", &format!("/rules/{busy}"), None).await;
    assert_eq!((&view["fired"], &view["refused"]), (&json!(60), &json!(60)));
    let outcomes = stage.outcomes(calm).await;
    assert!(outcomes[0].starts_with("failed: when[0]"), "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_come_back_from_outside_end_within_the_hour() {
    let stage = Stage::start().await;
    // Nothing tells that an answer from outside is one: no cause leads from it to the message.
    let rule = stage.rule("name: t\non: [{type: rules.Signalled.v1, where: {name: go}}]\ndo: [{message: {to: '+436641234567', text: x}}]\n").await;
    for _ in 0..7 {
        for _ in 0..60 {
            stage.record(&signal("go", json!({}))).await;
        }
        stage.running.settle().await;
        stage.later(chrono::TimeDelta::seconds(61)).await;
    }
    assert_eq!(stage.sent().len(), 300);
    let outcomes = stage.outcomes(rule).await;
    assert_eq!(outcomes[0], "throttled: it acted 300 times within an hour");
    stage.later(chrono::TimeDelta::minutes(61)).await;
    stage.happens(&signal("go", json!({}))).await;
    assert_eq!(stage.sent().len(), 301);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rules_of_two_people_that_answer_each_other_end_after_eight() {
    let stage = Stage::start().await;
    for (who, hears, says) in [(ANNA, "ping", "pong"), (BEN, "pong", "ping")] {
        let rule = json!({
            "name": "t", "on": [{"type": "rules.Signalled.v1", "where": {"name": hears}}],
            "do": [{"emit": {"name": says}}],
        });
        stage.rule_of(who, "?space=household", rule).await;
    }
    let mut first = signal("ping", json!({}));
    first.space = Some("household".parse().unwrap());
    stage.happens(&first).await;
    let said = stage.number("SELECT count(*) FROM spine.event WHERE type = 'rules.Signalled.v1'");
    assert_eq!(said.await, 1 + 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_whose_end_was_lost_keeps_no_other_from_beginning() {
    let stage = Stage::start().await;
    let rule = stage.rule("name: t\non: [{type: rules.Signalled.v1, where: {name: go}}]\nfor: 10m\ndo: [{message: {to: '+436641234567', text: x}}]\n").await;
    stage.happens(&signal("go", json!({}))).await;
    // Its job is gone, as one is that failed for long.
    sqlx::query("DELETE FROM spine.job WHERE kind = 'rules.recheck'")
        .execute(stage.test.spine.pool())
        .await
        .unwrap();
    stage.later(chrono::TimeDelta::days(2)).await;
    stage.happens(&signal("go", json!({}))).await;
    assert_eq!(stage.outcomes(rule).await, ["waiting", "refused: its end was missed"]);
    stage.later(chrono::TimeDelta::minutes(11)).await;
    assert_eq!(stage.sent().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rules_fire_on_one_event_each_once() {
    let stage = Stage::start().await;
    let mut rules = Vec::new();
    for number in 0..60 {
        let rule = json!({
            "name": format!("r{number}"), "on": [{"type": "rules.Signalled.v1", "where": {"name": "go"}}],
            "throttle": {"every": "1h"}, "do": [{"intention": {"title": "x"}}],
        });
        rules.push(stage.rule_of(ANNA, "", rule).await);
    }
    stage.happens(&signal("go", json!({}))).await;
    stage.happens(&signal("go", json!({}))).await;
    for rule in rules {
        let outcomes = stage.outcomes(rule).await;
        assert_eq!(outcomes, ["throttled: it acted not long ago (throttle)", "fired"]);
        let (_, view) = stage.call(ANNA, "GET", &format!("/rules/{rule}"), None).await;
        assert_eq!((&view["fired"], &view["refused"]), (&json!(1), &json!(1)));
        assert!(view["fired_at"].is_string());
    }
}
