//! A client library that nobody here wrote (megalodon, on Node.js) lives with a node.

use serde_json::json;
use tests::{Node, run_script};

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
