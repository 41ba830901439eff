//! Filters as new and as old apps know them.

use reqwest::Method;
use serde_json::json;
use tests::Node;

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_made_by_a_new_app_is_seen_by_an_old_one_and_on_posts() {
    let node = Node::start().await;
    let (ada, bob) = (node.person("ada").await, node.person("bob").await);
    let post = ada.publish("My cat sat on the mat").await;
    let path = format!("/api/v1/statuses/{}", post["id"].as_str().unwrap());
    let form = [
        ("title", "Pets"),
        ("context[]", "home"),
        ("context[]", "thread"),
        ("filter_action", "hide"),
        ("expires_in", "3600"),
        ("keywords_attributes[][keyword]", "cat"),
        ("keywords_attributes[][whole_word]", "true"),
        ("keywords_attributes[][keyword]", "dog"),
    ];
    let request = bob.request(Method::POST, "/api/v2/filters").form(&form);
    let filter = bob.send(request).await.unwrap().ok();
    assert_eq!(filter["context"], json!(["home", "thread"]));
    assert_eq!(filter["keywords"].as_array().unwrap().len(), 2);
    assert!(filter["expires_at"].is_string());
    let shown = bob.get(&path).await.unwrap().ok();
    assert_eq!(shown["filtered"][0]["filter"]["title"], "Pets");
    assert_eq!(shown["filtered"][0]["keyword_matches"], json!(["cat"]));
    assert_eq!(ada.get(&path).await.unwrap().ok()["filtered"], json!([]));

    let id = filter["id"].as_str().unwrap();
    let own = format!("/api/v2/filters/{id}");
    let add = json!({ "status_id": post["id"] });
    let entry = bob.post(&format!("{own}/statuses"), &add).await.unwrap().ok();
    let entry = format!("/api/v2/filters/statuses/{}", entry["id"].as_str().unwrap());
    assert_eq!(bob.get(&entry).await.unwrap().ok()["status_id"], post["id"]);
    let shown = bob.get(&path).await.unwrap().ok();
    assert_eq!(shown["filtered"][0]["status_matches"], json!([post["id"]]));
    bob.delete(&entry).await.unwrap().ok();
    let word = json!({ "keyword": "mat", "whole_word": true });
    let word = bob.post(&format!("{own}/keywords"), &word).await.unwrap().ok();
    let word = format!("/api/v2/filters/keywords/{}", word["id"].as_str().unwrap());
    let change = json!({ "keyword": "rat", "whole_word": false });
    let changed = bob.put(&word, &change).await.unwrap().ok();
    assert_eq!((&changed["keyword"], &changed["whole_word"]), (&json!("rat"), &json!(false)));
    bob.delete(&word).await.unwrap().ok();
    assert_eq!(bob.get(&word).await.unwrap().status, 404);
    assert_eq!(ada.get(&own).await.unwrap().status, 404, "another's");

    // Every word is a filter of its own to an old app.
    let old = bob.get("/api/v1/filters").await.unwrap().ok();
    let phrases: Vec<_> =
        old.as_array().unwrap().iter().map(|word| word["phrase"].clone()).collect();
    assert_eq!(phrases, ["cat", "dog"]);
    assert_eq!(old[0]["irreversible"], true);
    let first = format!("/api/v1/filters/{}", old[0]["id"].as_str().unwrap());
    let wider = json!({ "phrase": "cat", "context": ["home", "public"] });
    assert_eq!(bob.put(&first, &wider).await.unwrap().status, 422, "it has two words");
    bob.delete(&first).await.unwrap().ok();
    let second = format!("/api/v1/filters/{}", old[1]["id"].as_str().unwrap());
    let changed = bob.put(&second, &wider).await.unwrap().ok();
    assert_eq!(changed["context"], json!(["home", "public"]));
    bob.delete(&second).await.unwrap().ok();
    assert_eq!(bob.get("/api/v2/filters").await.unwrap().ok(), json!([]));

    let new = json!({
        "phrase": "mat", "context": ["home"], "irreversible": false, "expires_in": "",
    });
    let made = bob.post("/api/v1/filters", &new).await.unwrap().ok();
    assert_eq!((&made["phrase"], &made["expires_at"]), (&json!("mat"), &json!(null)));
    let all = bob.get("/api/v2/filters").await.unwrap().ok();
    assert_eq!((&all[0]["title"], &all[0]["filter_action"]), (&json!("mat"), &json!("warn")));
    let bad = json!({ "title": "x", "context": ["dreams"] });
    assert_eq!(bob.post("/api/v2/filters", &bad).await.unwrap().status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_is_to_end_nevermore_does_not_and_apps_hear_of_it() {
    let node = Node::start().await;
    let ada = node.person("ada").await;
    let mut stream = ada.stream("user").await;
    let new = json!({
        "title": "Pets", "context": ["home"], "expires_in": 3600,
        "keywords_attributes": [{ "keyword": "cat" }, { "keyword": "dog" }],
    });
    let filter = ada.post("/api/v2/filters", &new).await.unwrap().ok();
    assert!(filter["expires_at"].is_string());
    stream.expect("filters_changed", |payload| *payload == json!("")).await;
    let own = format!("/api/v2/filters/{}", filter["id"].as_str().unwrap());
    let renamed = ada.put(&own, &json!({ "title": "Animals" })).await.unwrap().ok();
    assert_eq!(renamed["expires_at"], filter["expires_at"], "what is left out stays");
    // An old app cannot change when a filter of several words ends.
    let old = ada.get("/api/v1/filters").await.unwrap().ok();
    let word = format!("/api/v1/filters/{}", old[0]["id"].as_str().unwrap());
    let never = json!({ "phrase": "cat", "context": ["home"], "expires_in": null });
    assert_eq!(ada.put(&word, &never).await.unwrap().status, 422);
    let endless = ada.put(&own, &json!({ "expires_in": null })).await.unwrap().ok();
    assert_eq!(endless["expires_at"], json!(null));
    assert_eq!(ada.put(&word, &never).await.unwrap().ok()["expires_at"], json!(null));
}
