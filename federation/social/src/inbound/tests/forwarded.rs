//! What one server forwards of another.

use super::*;
use crate::remote::peer::Signing;

/// A thread of bob's, whom ana follows, and an answer of carol's from another server.
async fn thread() -> (Node, Peer, Peer, Value) {
    let (node, peer) = ana_follows_bob().await;
    node.apply(&create(&peer, peer.note("bob", "/n/1"))).await;
    let other = Peer::start().await;
    other.add_actor("carol", Key::Second);
    let mut answer = other.note("carol", "/n/2");
    answer["inReplyTo"] = json!(peer.url("/n/1"));
    other.serve(&answer);
    (node, peer, other, answer)
}

/// Has bob's server forward what somebody else said.
async fn forward(node: &Node, peer: &Peer, activity: &Value) -> Receipt {
    let signing =
        Signing { key_id: format!("{}#main-key", peer.user("bob")), ..node.signing(activity) };
    let receipt = node.receive_signed(activity, &signing).await.unwrap();
    node.running.settle().await;
    receipt
}

/// What carol says.
fn carols(other: &Peer, kind: &str, object: Value) -> Value {
    other.activity(kind, "carol", &format!("/{kind}"), object)
}

#[tokio::test]
async fn a_forwarded_answer_is_read_from_its_own_id() {
    let (node, peer, other, mut answer) = thread().await;
    answer["content"] = json!("<p>forged</p>");
    let created = carols(&other, "Create", answer.clone());
    assert_eq!(forward(&node, &peer, &created).await, Receipt::Accepted);
    let text = async || node.text(&other.url("/n/2")).await;
    assert_eq!(text().await.as_deref(), Some("<p>by carol</p>"));
    assert_eq!(
        node.count("SELECT replies_count FROM social.post WHERE in_reply_to_id IS NULL").await,
        1
    );
    // Nor is a change believed, but looked at.
    other.asked();
    assert_eq!(
        forward(&node, &peer, &carols(&other, "Update", answer.clone())).await,
        Receipt::Accepted
    );
    assert_eq!(other.asked(), ["/n/2"]);
    assert_eq!(text().await.as_deref(), Some("<p>by carol</p>"));
    answer["content"] = json!("<p>changed</p>");
    answer["updated"] = json!(node.social.spine().clock().now().to_rfc3339());
    other.serve(&answer);
    forward(&node, &peer, &carols(&other, "Update", answer["id"].clone())).await;
    assert_eq!(text().await.as_deref(), Some("<p>changed</p>"));
}

#[tokio::test]
async fn a_forwarded_deletion_counts_once_the_posts_own_host_confirms_it() {
    for (status, is_private, is_deleted) in
        [(404, false, true), (410, false, true), (404, true, false), (410, true, true)]
    {
        let (node, peer, other, mut answer) = thread().await;
        let ana = node.account(&node.user("ana")).await.unwrap().id;
        node.follow_remote(ana, &other.user("carol")).await;
        if is_private {
            answer["to"] = json!([format!("{}/followers", other.user("carol"))]);
            answer["cc"] = json!([]);
        }
        let created = carols(&other, "Create", answer.clone());
        let own = Signing { key: Key::Second, ..node.signing(&created) };
        node.receive_signed(&created, &own).await.unwrap();
        node.running.settle().await;
        let text = async || node.text(&other.url("/n/2")).await;
        let deleted = carols(&other, "Delete", answer["id"].clone());
        assert_eq!(forward(&node, &peer, &deleted).await, Receipt::Accepted);
        assert!(text().await.is_some(), "it is still there");
        other.serve_at("/n/2", status, &json!({}));
        forward(&node, &peer, &deleted).await;
        assert_eq!(text().await.is_none(), is_deleted, "{status} {is_private}");
    }
}

#[tokio::test]
async fn forwards_that_concern_nobody_here_cost_nothing() {
    let (node, peer, other, answer) = thread().await;
    let mut elsewhere = answer.clone();
    elsewhere["inReplyTo"] = json!(other.url("/n/9"));
    let unheard = carols(&other, "Create", elsewhere);
    assert_eq!(forward(&node, &peer, &unheard).await, Receipt::Ignored);
    let deleted = carols(&other, "Delete", answer["id"].clone());
    assert_eq!(forward(&node, &peer, &deleted).await, Receipt::Ignored, "we have nothing of it");
    // An object of another host than its actor's.
    let foreign = carols(&other, "Create", peer.note("bob", "/n/7"));
    assert_eq!(forward(&node, &peer, &foreign).await, Receipt::Ignored);
    // A signer whom nobody follows, known or not.
    let created = carols(&other, "Create", answer);
    let third = Peer::start().await;
    third.add_actor("eve", Key::Second);
    for is_known in [false, true] {
        if is_known {
            node.social.remote_account(&third.user("eve").parse().unwrap()).await.unwrap();
        }
        third.asked();
        let signing = Signing {
            key: Key::Second,
            key_id: format!("{}#main-key", third.user("eve")),
            ..node.signing(&created)
        };
        assert_eq!(node.receive_signed(&created, &signing).await.unwrap(), Receipt::Ignored);
    }
    node.running.settle().await;
    for server in [&peer, &other, &third] {
        assert_eq!(server.asked(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_forward_with_a_wrong_signature_is_refused() {
    let (node, peer, other, answer) = thread().await;
    let created = carols(&other, "Create", answer);
    let signing = Signing {
        key: Key::Second,
        key_id: format!("{}#main-key", peer.user("bob")),
        ..node.signing(&created)
    };
    let refusal = node.receive_signed(&created, &signing).await.unwrap_err();
    assert_eq!(status(refusal), 401);
    node.running.settle().await;
    assert_eq!(other.asked(), Vec::<String>::new());
}
