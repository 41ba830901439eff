//! Who may say what about whom.

use super::*;

#[tokio::test]
async fn a_key_of_another_owner_is_refused() {
    let (node, peer) = ana_follows_bob().await;
    let other = Peer::start().await;
    peer.add_actor("eve", Key::Second);
    other.add_actor("eve", Key::Second);
    let activity = create(&peer, peer.note("bob", "/n/1"));
    let signed_by = |thief: String| crate::remote::peer::Signing {
        key: Key::Second,
        key_id: format!("{thief}#main-key"),
        ..node.signing(&activity)
    };
    let signing = signed_by(peer.user("eve"));
    let refusal = node.receive_signed(&activity, &signing).await.unwrap_err();
    assert!(matches!(refusal, InboxRefusal::Key(_)), "{refusal}");
    // Of another host it is a forward at most, of which nothing is believed.
    let signing = signed_by(other.user("eve"));
    assert_eq!(node.receive_signed(&activity, &signing).await.unwrap(), Receipt::Ignored);
    node.running.settle().await;
    assert_eq!(node.count("SELECT count(*) FROM social.post").await, 0);
    assert_eq!(other.asked(), Vec::<String>::new());
    // Nor does an actor get a key by listing one that says it is another's.
    let mut eve = peer.add_actor("mallory", Key::Second);
    eve["publicKey"]["id"] = json!(format!("{}#main-key", peer.user("bob")));
    eve["publicKey"]["owner"] = json!(peer.user("bob"));
    peer.serve(&eve);
    let follow = peer.activity("Follow", "mallory", "/f/1", to_ana());
    let signing = crate::remote::peer::Signing {
        key: Key::Second,
        key_id: format!("{}#main-key", peer.user("bob")),
        ..node.signing(&follow)
    };
    let refusal = node.receive_signed(&follow, &signing).await.unwrap_err();
    assert!(matches!(refusal, InboxRefusal::Key(_)), "{refusal}");
}

#[tokio::test]
async fn a_foreign_inner_object_is_read_from_its_own_id() {
    let (node, peer) = ana_follows_bob().await;
    let other = Peer::start().await;
    other.add_actor("carol", Key::Second);
    let ana = node.account(&node.user("ana")).await.unwrap().id;
    node.follow_remote(ana, &other.user("carol")).await;
    let mut note = other.note("carol", "/n/1");
    other.serve(&note);
    other.asked();
    note["content"] = json!("<p>forged</p>");
    node.apply(&create(&peer, note)).await;
    assert_eq!(node.text(&other.url("/n/1")).await.as_deref(), Some("<p>by carol</p>"));
    assert_eq!(other.asked(), ["/n/1"]);
}

#[tokio::test]
async fn an_inner_object_of_another_on_the_same_host_is_read_from_its_own_id() {
    let (node, peer) = ana_follows_bob().await;
    peer.add_actor("carol", Key::Second);
    let mut note = peer.note("carol", "/n/1");
    peer.serve(&note);
    note["content"] = json!("<p>forged</p>");
    node.apply(&create(&peer, note)).await;
    assert_ne!(node.text(&peer.url("/n/1")).await.as_deref(), Some("<p>forged</p>"));
}

#[tokio::test]
async fn a_document_that_says_it_is_another_is_refused() {
    let (node, peer) = ana_follows_bob().await;
    let other = Peer::start().await;
    other.add_actor("eve", Key::Second);
    peer.add_actor("carol", Key::Second);
    // Under its own id the host says something else, or nothing.
    let spoofed = peer.note("carol", "/n/1");
    other.serve_at("/spoof", 200, &spoofed);
    node.apply(&peer.activity("Announce", "bob", "/b/1", json!(other.url("/spoof")))).await;
    assert_eq!(node.text(&peer.url("/n/1")).await, None);
    // An author on another host than the post.
    let mut foreign = other.note("eve", "/n/2");
    foreign["attributedTo"] = json!(peer.user("carol"));
    other.serve(&foreign);
    node.apply(&peer.activity("Announce", "bob", "/b/2", json!(other.url("/n/2")))).await;
    assert_eq!(node.text(&other.url("/n/2")).await, None);
    // An actor under another's id.
    let mut actor = other.add_actor("eve", Key::Second);
    actor["id"] = json!(peer.user("carol"));
    other.serve_at("/users/eve", 200, &actor);
    let follow = other.activity("Follow", "eve", "/f/1", to_ana());
    let signing = crate::remote::peer::Signing { key: Key::Second, ..node.signing(&follow) };
    assert!(node.receive_signed(&follow, &signing).await.is_err());
    assert!(node.account(&other.user("eve")).await.is_none());
}

#[tokio::test]
async fn only_the_author_edits_and_deletes() {
    let (node, peer) = ana_follows_bob().await;
    peer.add_actor("eve", Key::Second);
    let note = peer.note("bob", "/n/1");
    peer.serve(&note);
    node.apply(&create(&peer, note.clone())).await;
    let as_eve = |kind: &str, path: &str, object: Value| {
        let activity = peer.activity(kind, "eve", path, object);
        let signing = crate::remote::peer::Signing { key: Key::Second, ..node.signing(&activity) };
        (activity, signing)
    };
    let mut forged = note.clone();
    forged["content"] = json!("<p>forged</p>");
    forged["updated"] = json!("2099-01-01T00:00:00Z");
    for claimed in [note["attributedTo"].clone(), json!(peer.user("eve"))] {
        forged["attributedTo"] = claimed;
        let (update, signing) = as_eve("Update", "/u/1", forged.clone());
        let _receipt = node.receive_signed(&update, &signing).await.unwrap();
        node.running.settle().await;
        let text = node.text(&peer.url("/n/1")).await;
        assert_eq!(text.as_deref(), Some("<p>by bob</p>"));
    }
    let (delete, signing) = as_eve("Delete", "/d/1", note["id"].clone());
    node.receive_signed(&delete, &signing).await.unwrap();
    let (undo, signing) = as_eve("Undo", "/d/2", create(&peer, note.clone()));
    node.receive_signed(&undo, &signing).await.unwrap();
    node.running.settle().await;
    assert!(node.text(&peer.url("/n/1")).await.is_some());
}

#[tokio::test]
async fn a_handle_is_only_what_its_host_confirms() {
    let node = Node::start().await;
    let peer = Peer::start().await;
    let mut eve = peer.add_actor("eve", Key::First);
    eve["preferredUsername"] = json!("bob");
    peer.serve(&eve);
    peer.add_actor("bob", Key::First);
    let follow = peer.activity("Follow", "eve", "/f/1", to_ana());
    assert!(node.receive(&follow).await.is_err());
    assert!(node.account(&peer.user("eve")).await.is_none());
}

#[tokio::test]
async fn a_collection_of_pinned_posts_speaks_for_its_owner_alone() {
    let node = Node::start().await;
    let peer = Peer::start().await;
    peer.add_actor("bob", Key::First);
    peer.add_actor("carol", Key::Second);
    let (own, others) = (peer.note("bob", "/n/1"), peer.note("carol", "/n/2"));
    peer.serve(&others);
    let mut forged = others.clone();
    forged["content"] = json!("<p>forged</p>");
    let featured = format!("{}/featured", peer.user("bob"));
    peer.serve(&json!({
        "id": featured, "type": "OrderedCollection", "orderedItems": [forged, own],
    }));
    node.social.resolve_uri(&peer.user("bob")).await.unwrap().unwrap();
    node.running.settle().await;
    assert_eq!(node.text(&peer.url("/n/1")).await.as_deref(), Some("<p>by bob</p>"));
    assert_eq!(node.text(&peer.url("/n/2")).await.as_deref(), Some("<p>by carol</p>"));
    assert_eq!(node.count("SELECT count(*) FROM social.pin").await, 1, "the other is not his");
}
