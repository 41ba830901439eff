//! Components tried without a node.

use std::collections::BTreeMap;

use plugins::harness::{RecordedExchange, Setting, Trial};
use serde_json::json;
use spine::Clock;

use crate::guests::{OPERATORS, full_probe, operators};

fn exchanges() -> Vec<RecordedExchange> {
    serde_json::from_value(json!([
        { "url": "https://a.example/moved", "answer": { "status": 302, "headers": { "location": "/here" } } },
        { "url": "https://a.example/here*", "answer": { "json": { "hello": "world" } } },
    ]))
    .unwrap()
}

#[tokio::test]
async fn a_component_is_tried_with_recorded_answers() {
    let setting = Setting {
        config: json!({ "url": "https://a.example" }),
        secrets: BTreeMap::from([("open".to_owned(), "readable".to_owned())]),
        exchanges: exchanges(),
        ..Setting::default()
    };
    let trial = Trial::new(full_probe("1.0.0"), setting, Clock::system()).await.unwrap();
    trial.check_config().unwrap();
    assert_eq!(trial.description().kinds, ["test.item/1"]);
    let tried = trial.sync(Some(b"Fhttps://a.example/moved".to_vec())).await;
    let batch = tried.result.unwrap().unwrap();
    assert_eq!(batch.records[0].payload, r#"{"hello":"world"}"#);
    assert_eq!(
        tried.requests,
        ["GET https://a.example/moved -> 302", "GET https://a.example/here -> 200"]
    );
    assert!(tried.memory > 0 && !tried.took.is_zero());

    let tried = trial.sync(Some(b"Sopen".to_vec())).await;
    assert_eq!(tried.result.unwrap().unwrap().records[0].payload, "readable");
    let tried = trial.sync(Some(b"O".to_vec())).await;
    assert_eq!(tried.log.len(), 600, "what is beyond a minute's budget is dropped");
    // State lasts from call to call.
    trial.sync(Some(b"Wkept".to_vec())).await.result.unwrap().unwrap();
    let tried = trial.sync(Some(b"W".to_vec())).await;
    assert_eq!(tried.result.unwrap().unwrap().records[0].payload, "kept");
    assert!(trial.sync(Some(b"L".to_vec())).await.result.is_err());
}

#[tokio::test]
async fn operators_are_tried_too() {
    let trial =
        Trial::new(operators(OPERATORS), Setting::default(), Clock::system()).await.unwrap();
    assert_eq!(trial.operators().await.result.unwrap().unwrap()[0].name, "echo");
    let tried = trial.evaluate("echo", json!([1])).await;
    assert_eq!(tried.result.unwrap().unwrap(), json!([1]));
}
