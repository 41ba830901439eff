//! `for`, modes and throttles.

use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use crate::support::{ANNA, Stage, signal};

async fn waiting_rule(stage: &Stage, mode: &str) -> Uuid {
    stage.world.state("person:11/door", json!("open"));
    stage
        .rule(&format!(
            "name: door\nmode: {mode}\non: [{{type: rules.Signalled.v1, where: {{name: door}}}}]\nwhen: [\"state('door') == 'open'\"]\nfor: 10m\ndo: [{{message: {{to: '+431', text: 'open since {{{{ event.data.data.n }}}}'}}}}]\n"
        ))
        .await
}

fn texts(stage: &Stage) -> Vec<String> {
    stage.sent().into_iter().map(|message| message.text).collect()
}

async fn door(stage: &Stage, n: i32) {
    stage.happens(&signal("door", json!({"n": n}))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_are_asked_again_at_the_end_of_the_wait() {
    let stage = Stage::start().await;
    let rule = waiting_rule(&stage, "single").await;
    door(&stage, 1).await;
    assert_eq!(stage.outcomes(rule).await, ["waiting"]);
    stage.later(TimeDelta::minutes(9)).await;
    assert!(stage.sent().is_empty());
    stage.later(TimeDelta::minutes(2)).await;
    assert_eq!(texts(&stage), ["open since 1"]);
    assert_eq!(stage.outcomes(rule).await, ["fired"]);
    door(&stage, 2).await;
    stage.world.state("person:11/door", json!("closed"));
    stage.later(TimeDelta::minutes(11)).await;
    assert_eq!(texts(&stage).len(), 1);
    assert_eq!(stage.outcomes(rule).await, ["refused: when[0] does not hold", "fired"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_for_which_they_do_not_hold_ends_the_wait() {
    let stage = Stage::start().await;
    let rule = waiting_rule(&stage, "single").await;
    door(&stage, 1).await;
    stage.world.state("person:11/door", json!("closed"));
    stage.later(TimeDelta::minutes(1)).await;
    door(&stage, 2).await;
    stage.world.state("person:11/door", json!("open"));
    stage.later(TimeDelta::minutes(20)).await;
    assert!(stage.sent().is_empty());
    let outcomes = stage.outcomes(rule).await;
    assert!(
        outcomes.contains(&"refused: the conditions did not go on holding".to_owned()),
        "{outcomes:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn modes_say_what_a_second_trigger_does() {
    for (mode, expected, most) in [
        ("single", vec!["open since 1"], 25),
        ("restart", vec!["open since 2"], 25),
        ("parallel", vec!["open since 1", "open since 2"], 25),
        ("queued", vec!["open since 1"], 16),
        ("queued", vec!["open since 1", "open since 2"], 25),
    ] {
        let stage = Stage::start().await;
        let rule = waiting_rule(&stage, mode).await;
        door(&stage, 1).await;
        stage.later(TimeDelta::minutes(5)).await;
        door(&stage, 2).await;
        for _ in 5..most {
            stage.later(TimeDelta::minutes(1)).await;
        }
        let mut sent = texts(&stage);
        sent.sort();
        assert_eq!(sent, expected, "{mode}");
        if mode == "single" {
            assert!(stage.outcomes(rule).await.iter().any(|line| line.contains("mode single")));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_rule_ends_what_waits() {
    let stage = Stage::start().await;
    let rule = waiting_rule(&stage, "single").await;
    door(&stage, 1).await;
    let (status, _) = stage.call(ANNA, "POST", &format!("/rules/{rule}/disable"), None).await;
    assert_eq!(status, 200);
    stage.later(TimeDelta::minutes(20)).await;
    assert!(stage.sent().is_empty());
    assert_eq!(stage.outcomes(rule).await, ["refused: the rule was disabled meanwhile"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttle_counts_each_key_by_itself() {
    let stage = Stage::start().await;
    let rule = stage.rule("name: t\non: [{type: rules.Signalled.v1, where: {name: ring}}]\nthrottle: {every: 5m, key: event.data.data.who}\ndo: [{message: {to: '+431', text: '{{ event.data.data.who }}'}}]\n").await;
    let ring = async |who: &str| {
        stage.happens(&signal("ring", json!({"who": who}))).await;
    };
    ring("a").await;
    ring("a").await;
    ring("b").await;
    stage.later(TimeDelta::minutes(6)).await;
    ring("a").await;
    let mut sent = texts(&stage);
    sent.sort();
    assert_eq!(sent, ["a", "a", "b"]);
    let throttled =
        stage.outcomes(rule).await.into_iter().filter(|line| line.starts_with("throttled")).count();
    assert_eq!(throttled, 1);
}
