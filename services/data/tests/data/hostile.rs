//! Bad input gets a clear answer and changes nothing.

use serde_json::{Value, json};

use crate::support::{contact, draft, stage};

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_refused_and_nothing_changes() {
    let stage = stage().await;
    let mut deep = json!(1);
    for _ in 0..40 {
        deep = json!({ "x": deep });
    }
    let body = |data: Value| json!({ "type": "Task", "space": "household", "data": data });
    let bad = [
        body(json!({ "a": "nul\u{0}" })),
        body(json!({ "a\u{0}": 1 })),
        body(json!({ "": 1 })),
        body(json!({ "deep": deep })),
        body(json!({ "large": "x".repeat(600 << 10) })),
        body(json!([])),
        json!({ "type": "Robot", "space": "household", "data": {} }),
        json!({ "type": "Task", "space": "mars", "data": {} }),
        json!({ "type": "Task", "space": "household", "data": {}, "more": 1 }),
        json!({ "type": "Task", "space": "household", "data": {}, "labels": [""] }),
        json!({ "type": "Task", "space": "household", "data": {}, "aliases": [{ "scheme": "A B", "value": "x" }] }),
        json!({ "type": "Task", "space": "household", "data": {}, "valid_from": "2026-01-02T00:00:00Z", "valid_to": "2026-01-01T00:00:00Z" }),
        json!({ "type": "Task", "space": "household", "data": {}, "valid_from": "+99999-01-02T00:00:00Z" }),
    ];
    for body in bad {
        let (status, problem) = stage.call("POST", "/entities", Some(body.clone())).await;
        assert_eq!(status, 422, "{problem}");
        assert!(problem["type"].as_str().unwrap().starts_with("urn:sovereign:problem:"));
    }
    assert_eq!(stage.call("GET", "/entities/no-id", None).await.0, 404);
    assert_eq!(stage.call("GET", "/entities/%00/history", None).await.0, 404);
    assert!(stage.events().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_draft_does_not_hold_up_the_others() {
    let stage = stage().await;
    let bad = draft("connector:a", "contact", "0", "Person", json!({ "name": "nul\u{0}" }));
    stage.write(vec![bad, contact("1", "Ada")]).await;
    assert_eq!(stage.one("type=Person").await["data"]["name"], "Ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn strange_text_comes_back_as_it_was() {
    let stage = stage().await;
    let odd = json!({
        "name": "'; DROP TABLE data.entity; -- \u{202e} 🦀 \\ \" {1,2}",
        "numbers": [1.5, -0.0, 1e300, 9_007_199_254_740_993_i64, 1e-7],
        "nested": { "a": [null, true, {}] },
    });
    let mut one = draft("connector:a", "x", "{\"a\",b}", "Thing", odd);
    one.labels = vec!["a,b".to_owned(), "{\"q\\\"}".to_owned(), "NULL".to_owned()];
    stage.write(vec![one.clone()]).await;
    stage.write(vec![one]).await;
    let back = stage.one("type=Thing").await;
    assert_eq!(back["version"], 1, "and means the same when it is said again");
    assert_eq!(back["data"]["name"], "'; DROP TABLE data.entity; -- \u{202e} 🦀 \\ \" {1,2}");
    assert_eq!(back["data"]["numbers"], json!([1.5, 0, 1e300, 9_007_199_254_740_993_i64, 1e-7]));
    assert_eq!(back["labels"], json!(["NULL", "a,b", "{\"q\\\"}"]));
    assert_eq!(stage.one("label=a,b").await["id"], back["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_half_a_megabyte_is_kept_and_holds_up_nobody() {
    let stage = stage().await;
    // Very many words, and one endless one, which no search for words takes.
    let words: String = (0..80_000).map(|n| format!("{n:x} ")).collect();
    let endless = "x".repeat(500 << 10);
    stage.write(vec![contact("1", &words), contact("2", &endless), contact("3", "Ada")]).await;
    stage.write(vec![contact("4", &format!("{}y", &endless[..500_000]))]).await;
    assert_eq!(stage.list("type=Person").await.len(), 4);
    let jobs: i64 = sqlx::query_scalar("SELECT count(*) FROM spine.job")
        .fetch_one(stage.test.spine.pool())
        .await
        .unwrap();
    assert_eq!(jobs, 0, "none is tried again or dead");
}
