//! Client libraries that nobody here wrote live with a node: megalodon on Node.js, Mastodon.py on
//! Python.

use serde_json::json;
use tests::{Node, run_python, run_script};

#[tokio::test(flavor = "multi_thread")]
async fn megalodon_logs_in_posts_a_picture_streams_and_pages_five_hundred_posts() {
    let node = Node::start().await;
    node.person("ada").await;
    let seen = run_script("megalodon.mjs", &[&node.origin(), "ada", "correct horse battery"]).await;
    assert_eq!(seen["me"]["acct"], "ada");
    assert_eq!(seen["media"]["type"], "image");
    assert!(seen["media"]["blurhash"].is_string());
    assert_eq!(seen["media"]["description"], "The sea");
    assert_eq!(seen["post"]["media"], 1);
    assert_eq!(seen["reply"]["in_reply_to_id"], seen["reply"]["parent"]);
    assert_eq!(seen["streamed"], json!(["<p>With a picture</p>", "<p>An answer</p>"]));
    assert_eq!(seen["paged"], 502);
    assert_eq!(seen["distinct"], 502);
}

#[tokio::test(flavor = "multi_thread")]
async fn mastodon_py_logs_in_posts_a_picture_streams_pages_filters_and_reports() {
    let node = Node::start().await;
    node.person("ada").await;
    let bob = node.person("bob").await;
    let foreign = bob.publish("Not mine").await["id"].as_str().unwrap().to_owned();
    let origin = node.origin();
    let arguments = [origin.as_str(), "ada", "correct horse battery", foreign.as_str()];
    let seen = run_python("mastodon_py.py", &arguments).await;
    assert_eq!(seen["me"], "ada");
    assert_eq!(seen["instance"], json!([node.domain(), node.domain()]));
    assert_eq!(seen["media"], json!({ "type": "image", "description": "The sea" }));
    assert_eq!(seen["post"], 1);
    assert_eq!(seen["streamed"], "<p>With a picture</p>");
    assert_eq!((&seen["first"], &seen["paged"]), (&json!(20), &json!(45)));
    assert_eq!((&seen["distinct"], &seen["newest"]), (&json!(45), &json!(true)));
    assert_eq!(seen["conversations"], json!([]));
    assert_eq!(seen["favourites"], 1);
    let report = json!({ "category": "spam", "comment": "Not nice", "posts": [foreign] });
    assert_eq!(seen["report"], report);
    assert_eq!(seen["missing"], "Record not found");
}
