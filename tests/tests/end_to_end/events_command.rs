//! `sovereign events`, beside a running node.

use std::process::Output;

use serde_json::Value;
use tests::{Bus, Client, Node, NodeOptions, eventually};

async fn events(node: &Node, arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::from(node.command());
    command.arg("events").args(arguments).output().await.expect("the program runs")
}

async fn json(node: &Node, arguments: &[&str]) -> Value {
    let output = events(node, &[arguments, &["--json"]].concat()).await;
    let (text, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{errors}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

async fn refusal(node: &Node, arguments: &[&str]) -> String {
    let output = events(node, arguments).await;
    assert!(!output.status.success(), "{arguments:?} did what it should not");
    text(&output.stderr)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Waits until the stream has all of the ledger. Answers what the command said.
async fn until_published(node: &Node) -> Value {
    eventually("the ledger to be published", || async {
        let state = json(node, &["relay"]).await;
        let is_whole = state["published"] == state["ledger_head"] && state["messages"].is_u64();
        is_whole.then_some(state)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_is_compared_with_the_ledger_and_made_anew_when_asked() {
    let node = Node::start_with(NodeOptions { bus: Bus::JetStream, ..Default::default() }).await;
    let ada = node.person("ada").await;
    ada.publish("one").await;
    let before = until_published(&node).await;
    assert_eq!((&before["parted"], &before["trouble"]), (&Value::Null, &Value::Null));
    let messages = before["messages"].as_u64().unwrap();

    let refused = refusal(&node, &["rebuild-stream"]).await;
    assert!(refused.contains("--yes") && refused.contains("agrees"), "{refused}");
    // The post is on its way into the graph and what follows from it, so there may be more by now.
    let kept = json(&node, &["relay"]).await["messages"].as_u64().unwrap();
    assert!(kept >= messages, "nothing was taken away");

    let rebuilt = json(&node, &["rebuild-stream", "--yes"]).await;
    assert_eq!(rebuilt["stream"], before["stream"]);
    assert!(rebuilt["messages"].as_u64().unwrap() >= kept, "{rebuilt}");
    assert_eq!(rebuilt["pulled_back"], serde_json::json!([]));
    let after = until_published(&node).await;
    assert!(after["messages"].as_u64().unwrap() >= kept, "{after}");
    let client = Client::anonymous(&node.origin());
    eventually("the node to be well", || async {
        client.get("/health").await.ok().filter(|answer| answer.status == 200)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_told_with_what_can() {
    let node = Node::start_with(NodeOptions { bus: Bus::Embedded, ..Default::default() }).await;
    let state = json(&node, &["relay"]).await;
    assert_eq!(state["trouble"], "this node has no NATS");
    let refused = refusal(&node, &["rebuild-stream", "--yes"]).await;
    assert!(refused.contains("no NATS"), "{refused}");
    let refused = refusal(&node, &["replay", "--consumer", "nobody", "--all"]).await;
    assert!(refused.contains("there is no consumer nobody"), "{refused}");
}
