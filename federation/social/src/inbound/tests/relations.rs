//! What happens between accounts.

use super::*;

const FOLLOWS: &str = "SELECT count(*) FROM social.follow WHERE accepted";

#[tokio::test]
async fn a_follow_counts_at_once_unless_its_target_is_locked() {
    let (node, peer) = ana_follows_bob().await;
    node.add_account("shy", true).await;
    node.apply(&peer.activity("Follow", "bob", "/f/1", to_ana())).await;
    assert_eq!(node.count(FOLLOWS).await, 2);
    node.apply(&peer.activity("Follow", "bob", "/f/2", json!(node.user("shy")))).await;
    assert_eq!(node.count(FOLLOWS).await, 2);
    let requests = "SELECT count(*) FROM social.notification WHERE kind = 'follow_request'";
    assert_eq!(node.count(requests).await, 1);
    assert_eq!(peer.delivered(), ["Accept"]);
    // The first answer may have been lost.
    node.apply(&peer.activity("Follow", "bob", "/f/3", to_ana())).await;
    assert_eq!(peer.delivered(), ["Accept"]);
}

#[tokio::test]
async fn an_unfollow_ends_a_follow() {
    let (node, peer) = ana_follows_bob().await;
    let follow = peer.activity("Follow", "bob", "/f/1", to_ana());
    for undone in [json!(peer.url("/f/1")), follow.clone()] {
        let mut follow = follow.clone();
        follow["id"] = json!(peer.url(&format!("/f/{}", undone.is_string())));
        let undone = if undone.is_string() { follow["id"].clone() } else { follow.clone() };
        node.apply(&follow).await;
        assert_eq!(node.count(FOLLOWS).await, 2);
        let path = format!("/x/{}", undone.is_string());
        node.apply(&peer.activity("Undo", "bob", &path, undone)).await;
        assert_eq!(node.count(FOLLOWS).await, 1);
    }
}

#[tokio::test]
async fn a_follow_by_someone_blocked_is_refused() {
    let (node, peer) = ana_follows_bob().await;
    let ana = node.account(&node.user("ana")).await.unwrap().id;
    let bob = node.account(&peer.user("bob")).await.unwrap().id;
    let mut tx = node.social.spine().begin(spine::Cause::system()).await.unwrap();
    let block = crate::write::blocks::NewBlock {
        account: ana,
        target: bob,
        uri: "http://127.0.0.1:9/block".to_owned(),
        cause: spine::Cause::system(),
    };
    crate::write::blocks::block(&node.social, &mut tx, &[block]).await.unwrap();
    tx.commit().await.unwrap();
    node.apply(&peer.activity("Follow", "bob", "/f/1", to_ana())).await;
    assert_eq!(node.count("SELECT count(*) FROM social.follow").await, 0);
    assert!(peer.delivered().contains(&"Reject".to_owned()));
}

/// A request of ana's to follow bob.
async fn ask(node: &Node, peer: &Peer) -> String {
    let ana = node.account(&node.user("ana")).await.unwrap().id;
    let bob = node.social.remote_account(&peer.user("bob").parse().unwrap()).await.unwrap().id;
    let uri = "http://127.0.0.1:9/users/ana#follows/1".to_owned();
    let mut tx = node.social.spine().begin(spine::Cause::system()).await.unwrap();
    let follow = crate::write::follows::NewFollow::new(ana, bob, uri.clone(), false);
    crate::write::follows::request(&node.social, &mut tx, &[follow]).await.unwrap();
    tx.commit().await.unwrap();
    uri
}

#[tokio::test]
async fn only_whoever_was_asked_accepts_or_rejects() {
    let node = Node::start().await;
    let peer = Peer::start().await;
    peer.add_actor("bob", Key::First);
    peer.add_actor("eve", Key::First);
    node.add_account("ana", false).await;
    let uri = ask(&node, &peer).await;
    node.apply(&peer.activity("Accept", "eve", "/a/1", json!(uri))).await;
    assert_eq!(node.count(FOLLOWS).await, 0);
    node.apply(&peer.activity("Accept", "bob", "/a/2", json!(uri))).await;
    assert_eq!(node.count(FOLLOWS).await, 1);
    node.apply(&peer.activity("Reject", "eve", "/a/3", json!(uri))).await;
    assert_eq!(node.count(FOLLOWS).await, 1);
    // Some servers forget the id and repeat what they answer.
    let repeated = json!({
        "type": "Follow", "actor": node.user("ana"), "object": peer.user("bob"),
    });
    node.apply(&peer.activity("Reject", "bob", "/a/4", repeated)).await;
    assert_eq!(node.count("SELECT count(*) FROM social.follow").await, 0);
}

#[tokio::test]
async fn a_block_ends_follows() {
    let (node, peer) = ana_follows_bob().await;
    node.apply(&peer.activity("Follow", "bob", "/f/1", to_ana())).await;
    let block = peer.activity("Block", "bob", "/k/1", to_ana());
    node.apply(&block).await;
    assert_eq!(node.count("SELECT count(*) FROM social.follow").await, 0);
    assert_eq!(node.count("SELECT count(*) FROM social.block").await, 1);
    node.apply(&peer.activity("Undo", "bob", "/k/2", block)).await;
    assert_eq!(node.count("SELECT count(*) FROM social.block").await, 0);
}

#[tokio::test]
async fn followers_move_only_to_whom_the_target_confirms() {
    let (node, peer) = ana_follows_bob().await;
    let other = Peer::start().await;
    let mut new = other.add_actor("newbob", Key::Second);
    let mut moved = peer.activity("Move", "bob", "/m/1", json!(peer.user("bob")));
    moved["target"] = json!(other.user("newbob"));
    node.apply(&moved).await;
    let old = "SELECT count(*) FROM social.account WHERE moved_to IS NOT NULL";
    assert_eq!(node.count(old).await, 0);
    new["alsoKnownAs"] = json!([peer.user("bob")]);
    other.serve(&new);
    moved["id"] = json!(peer.url("/m/2"));
    node.apply(&moved).await;
    assert_eq!(node.count(old).await, 1);
    let followed = "SELECT count(*) FROM social.follow JOIN social.account a ON a.id = target_id
                     WHERE a.username = 'newbob' AND NOT accepted";
    assert_eq!(node.count(followed).await, 1);
    assert_eq!(node.count("SELECT count(*) FROM social.follow").await, 1);
    assert_eq!(other.delivered(), ["Follow"]);
    assert_eq!(peer.delivered(), ["Undo"]);
}

#[tokio::test]
async fn a_report_reaches_our_moderators() {
    let (node, peer) = ana_follows_bob().await;
    let ana = node.account(&node.user("ana")).await.unwrap().id;
    let (_, uri) = node.add_post("ana", ana, crate::Visibility::Public).await;
    let mut flag = peer.activity("Flag", "bob", "/r/1", json!([to_ana(), uri]));
    flag["content"] = json!("c".repeat(100_000));
    node.apply(&flag).await;
    let reports = "SELECT count(*) FROM social.report
                    WHERE cardinality(post_ids) = 1 AND length(comment) = 5000";
    assert_eq!(node.count(reports).await, 1);
}

#[tokio::test]
async fn a_deleted_account_takes_everything_along() {
    let (node, peer) = ana_follows_bob().await;
    node.apply(&create(&peer, peer.note("bob", "/n/1"))).await;
    node.apply(&peer.activity("Delete", "bob", "/d/1", json!(peer.user("bob")))).await;
    assert!(node.account(&peer.user("bob")).await.unwrap().deleted);
    assert_eq!(node.text(&peer.url("/n/1")).await, None);
    assert_eq!(node.count("SELECT count(*) FROM social.follow").await, 0);
    let again = create(&peer, peer.note("bob", "/n/2"));
    // The news of the deletion drops the key; until it is here, the request is taken.
    match node.receive(&again).await {
        Ok(receipt) => assert_eq!(receipt, Receipt::Accepted),
        Err(refusal) => assert!(matches!(refusal, InboxRefusal::Key(_)), "{refusal}"),
    }
    node.running.settle().await;
    assert_eq!(node.text(&peer.url("/n/2")).await, None);
}

#[tokio::test]
async fn an_actor_that_its_host_calls_gone_is_deleted() {
    let (node, peer) = ana_follows_bob().await;
    peer.serve_at("/users/bob", 410, &json!({}));
    let activity = create(&peer, peer.note("bob", "/n/1"));
    let wrong = crate::remote::peer::Signing { key: Key::Second, ..node.signing(&activity) };
    assert!(node.receive_signed(&activity, &wrong).await.is_err());
    assert!(node.account(&peer.user("bob")).await.unwrap().deleted);
}
