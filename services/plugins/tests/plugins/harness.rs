//! Components tried without a node.

use std::collections::BTreeMap;

use axum::Router;
use axum::routing::get;
use plugins::harness::{Outside, RecordedExchange, Setting, Trial};
use serde_json::json;
use spine::Clock;

use crate::guests::{
    ALL, Describes, EVERYTHING, OPERATORS, full_probe, manifest, operators, probe,
};
use crate::stage::outside;

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
        outside: Outside::Recorded(exchanges()),
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
        [
            "GET https://a.example/moved -> 302, 0 bytes",
            "GET https://a.example/here -> 200, 17 bytes"
        ]
    );
    assert!(tried.memory > 0 && !tried.took.is_zero());

    let tried = trial.sync(Some(b"Sopen".to_vec())).await;
    assert_eq!(tried.result.unwrap().unwrap().records[0].payload, "readable");
    // Each answer was given once, over all calls.
    let tried = trial.sync(Some(b"Fhttps://a.example/moved".to_vec())).await;
    assert_eq!(tried.requests, ["GET https://a.example/moved -> nothing was recorded for this"]);

    let tried = trial.sync(Some(b"O".to_vec())).await;
    assert_eq!(tried.log.len(), 600, "what is beyond a minute's budget is dropped");
    // State lasts from call to call.
    trial.sync(Some(b"Wkept".to_vec())).await.result.unwrap().unwrap();
    let tried = trial.sync(Some(b"W".to_vec())).await;
    assert_eq!(tried.result.unwrap().unwrap().records[0].payload, "kept");
    let tried = trial.sync(Some(b"L".to_vec())).await;
    assert!(tried.result.is_err());
    assert!(tried.computed >= std::time::Duration::from_millis(200), "{:?}", tried.computed);
}

#[tokio::test]
async fn the_real_network_is_reached_as_far_as_it_is_given() {
    let url = outside(Router::new().route("/", get(async || "hello"))).await;
    let tried = async |networks: &[&str]| {
        let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        let setting = Setting {
            config: json!({ "url": url }),
            outside: Outside::Network(networks),
            ..Setting::default()
        };
        let trial = Trial::new(full_probe("1.0.0"), setting, Clock::system()).await.unwrap();
        trial.sync(Some(format!("F{url}/").into_bytes())).await
    };
    let given = tried(&["127.0.0.0/8"]).await;
    assert_eq!(given.result.unwrap().unwrap().records[0].payload, "hello");
    let refused = tried(&[]).await;
    assert!(refused.result.unwrap().is_err());
    assert!(refused.requests[0].contains("not allowed"), "{:?}", refused.requests);
}

#[tokio::test]
async fn a_guest_that_asks_the_store_without_end_is_stopped() {
    let patient = manifest("1.0.0", EVERYTHING)
        .replace("cpu_ms = 200", "cpu_ms = 60000")
        .replace("deadline_ms = 3000", "deadline_ms = 60000");
    let wasm = probe(&patient, "1.0.0", ALL, Describes::Well);
    let trial = Trial::new(wasm, Setting::default(), Clock::system()).await.unwrap();
    let error = trial.sync(Some(b"R".to_vec())).await.result.unwrap_err();
    assert!(error.to_string().contains("10000 times"), "{error}");
}

#[tokio::test]
async fn operators_are_tried_too() {
    let trial =
        Trial::new(operators(OPERATORS), Setting::default(), Clock::system()).await.unwrap();
    assert_eq!(trial.operators().await.result.unwrap().unwrap()[0].name, "echo");
    let tried = trial.evaluate("echo", json!([1])).await;
    assert_eq!(tried.result.unwrap().unwrap(), json!([1]));
}
