//! Rule operators: pure, warm, small limits.

use contracts::plugins::{PluginError, RuleOperators};
use plugins::Source;
use plugins::bench_support::Bare;
use plugins::manifest::World;
use serde_json::json;
use spine::Cause;

use crate::guests::{OPERATORS, full_probe, operators};
use crate::stage::Stage;

#[tokio::test]
async fn operators_are_told_and_evaluated() {
    let stage = Stage::start().await;
    assert!(stage.plugins.operators().await.unwrap().is_empty());
    stage.enabled(operators(OPERATORS)).await;
    let told = stage.plugins.operators().await.unwrap();
    assert_eq!(
        (told.len(), told[0].plugin.as_str(), told[0].name.as_str()),
        (1, "text-operators", "echo")
    );
    let args = json!({ "text": "grüße", "n": [1, 2] });
    assert_eq!(stage.plugins.evaluate("text-operators", "echo", &args).await.unwrap(), args);
}

#[tokio::test]
async fn an_instance_is_kept_warm_and_thrown_away_after_a_thousand_calls() {
    let stage = Stage::start().await;
    stage.enabled(operators(OPERATORS)).await;
    let count =
        async || stage.plugins.evaluate("text-operators", "count", &json!(null)).await.unwrap();
    assert_eq!(count().await, "0001");
    assert_eq!(count().await, "0002");
    for _ in 2..999 {
        count().await;
    }
    assert_eq!(count().await, "1000");
    assert_eq!(count().await, "0001");
}

#[tokio::test]
async fn a_warm_instance_that_misbehaves_is_thrown_away() {
    let stage = Stage::start().await;
    stage.enabled(operators(OPERATORS)).await;
    let evaluate = async |operator: &'static str| {
        stage.plugins.evaluate("text-operators", operator, &json!(null)).await
    };
    assert_eq!(evaluate("count").await.unwrap(), "0001");
    for (operator, reason) in [("trap", "unreachable"), ("loop", "_ms"), ("nonsense", "JSON")] {
        let error = evaluate(operator).await.unwrap_err();
        assert!(
            matches!(&error, PluginError::Stopped { reason: told, .. } if told.contains(reason)),
            "{error}"
        );
        assert_eq!(evaluate("count").await.unwrap(), "0001", "after {operator}");
    }
}

#[tokio::test]
async fn rule_operators_get_nothing_but_the_log() {
    let stage = Stage::start().await;
    let greedy = format!("{OPERATORS}\n[capabilities]\nhosts = [\"a.example\"]\n");
    let error = stage
        .plugins
        .install(&Cause::system(), Source::bytes(operators(&greedy)))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("pure"), "{error}");
}

#[tokio::test]
async fn the_bench_calls_the_same_guests_bare() {
    let bare = Bare::new(&operators(OPERATORS), World::RuleOperator).unwrap();
    let mut operator = bare.operator().await.unwrap();
    let args = "[1]".to_owned();
    assert_eq!(operator.evaluate("echo", &args).await.unwrap(), args);
    let bare = Bare::new(&full_probe("1.0.0"), World::Connector).unwrap();
    assert_eq!(bare.sync(&json!({}), None).await.unwrap(), 1);
}
