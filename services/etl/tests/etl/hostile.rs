//! Records that mean harm: refused or cut, never a failure.

use serde_json::{Value, json};

use crate::support::{record, stage};

#[tokio::test]
async fn hostile_records_are_refused_or_cut_and_hold_up_nobody() {
    let stage = stage().await;
    let kind = "ms-graph.contact/1";
    let mut deep = "[".repeat(100_000);
    deep.push_str(&"]".repeat(100_000));
    let mut nested = record(kind, "deep", &Value::Null);
    nested.payload = format!(r#"{{"displayName":"x","categories":{deep}}}"#);
    let mut binary = record(kind, "binary", &Value::Null);
    binary.payload = "base64:AAAA".to_owned();
    let mut large = record(kind, "large", &Value::Null);
    large.payload = format!(r#"{{"displayName":"{}"}}"#, "x".repeat(9 << 20));
    let phones: Vec<String> = (0..60_000).map(|n| n.to_string()).collect();
    let records = vec![
        nested,
        binary,
        large,
        record(kind, "many", &json!({ "displayName": "x", "businessPhones": phones })),
        record(kind, "id with \u{0} in it", &json!({ "displayName": "x" })),
        record(kind, &"i".repeat(3_000), &json!({ "displayName": "x" })),
        record(kind, "", &json!({ "displayName": "x" })),
        record("kind\u{0}", "k", &json!({ "displayName": "x" })),
        record(
            kind,
            "nul",
            &json!({ "displayName": "a\u{0}b", "jobTitle": "x".repeat(400_000), "birthday": "0000-99-99" }),
        ),
        record(
            kind,
            "wrong",
            &json!({ "displayName": ["Ada"], "emailAddresses": 7, "mobilePhone": { "a": 1 }, "birthday": [[]] }),
        ),
    ];
    stage.receive(records).await;
    let drafts = stage.drafts().await;
    let of = |id: &str| drafts.iter().find(|draft| draft.key.external_id == id);
    let nul = of("nul").unwrap();
    assert_eq!(nul.data["name"], "ab");
    assert!(nul.data["jobTitle"].as_str().unwrap().len() <= 128 << 10);
    assert!(!nul.data.contains_key("birthDate"));
    assert_eq!(of("wrong").unwrap().data["name"], json!(["Ada"]));
    assert_eq!(drafts.len(), 2, "{:?}", drafts.iter().map(|d| &d.key).collect::<Vec<_>>());
    let refused = stage.get("/records?state=refused").await;
    assert_eq!(refused["items"].as_array().unwrap().len(), 8, "{refused}");
    assert_eq!(stage.count("SELECT count(*) FROM spine.job WHERE state = 4").await, 0);
}

#[tokio::test]
async fn an_event_with_nothing_in_it_is_nothing() {
    let stage = stage().await;
    stage.receive(Vec::new()).await;
    assert_eq!(stage.processed().await, 0);
}
