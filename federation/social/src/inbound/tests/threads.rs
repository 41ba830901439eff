//! What is read of the thread that a post belongs to.

use super::*;
use crate::{PostId, Social};

#[tokio::test]
async fn the_parents_of_a_reply_are_read() {
    let (node, peer) = ana_follows_bob().await;
    let other = Peer::start().await;
    other.add_actor("carol", Key::Second);
    let root = other.note("carol", "/n/1");
    let mut middle = other.note("carol", "/n/2");
    middle["inReplyTo"] = root["id"].clone();
    other.serve(&root);
    other.serve(&middle);
    let mut reply = peer.note("bob", "/n/3");
    reply["inReplyTo"] = middle["id"].clone();
    node.apply(&create(&peer, reply)).await;
    assert_eq!(node.count("SELECT count(*) FROM social.post").await, 3);
    let threads = "SELECT count(DISTINCT conversation_id) FROM social.post";
    assert_eq!(node.count(threads).await, 1);
}

/// A note of bob's that says, as most servers do, where its answers will be, and knows none yet.
fn fresh(peer: &Peer, path: &str) -> Value {
    let replies = peer.url(&format!("{path}/replies"));
    let mut note = peer.note("bob", path);
    note["replies"] = json!({
        "id": replies, "type": "Collection",
        "first": {"type": "CollectionPage", "next": format!("{replies}?page=true"),
                  "partOf": replies, "items": []},
    });
    note
}

/// Serves answers of carol's to a note, and the collection of them.
fn serve_answers(peer: &Peer, note: &Value, count: usize) -> Vec<String> {
    peer.add_actor("carol", Key::Second);
    let answers: Vec<String> = (0..count)
        .map(|number| {
            let mut answer = peer.note("carol", &format!("/answers/{number}"));
            answer["inReplyTo"] = note["id"].clone();
            peer.serve(&answer);
            peer.url(&format!("/answers/{number}"))
        })
        .collect();
    let replies = format!("{}/replies", note["id"].as_str().unwrap());
    peer.serve(&json!({
        "id": replies, "type": "Collection",
        "first": {"type": "CollectionPage", "partOf": replies, "items": answers},
    }));
    answers
}

async fn id_of(social: &Social, uri: &str) -> PostId {
    crate::store::inbound_posts::by_uri(social.spine().pool(), uri).await.unwrap().unwrap()
}

/// How often the collection of answers was asked for, and how many answers were.
fn asked(peer: &Peer) -> (usize, usize) {
    let asked = peer.asked();
    let count = |part: &str| asked.iter().filter(|path| path.contains(part)).count();
    (count("/replies"), count("/answers/"))
}

#[tokio::test]
async fn the_replies_of_a_post_are_read_when_somebody_looks() {
    let (node, peer) = ana_follows_bob().await;
    let note = fresh(&peer, "/n/1");
    let answers = serve_answers(&peer, &note, 1);
    node.apply(&create(&peer, note)).await;
    assert_eq!(asked(&peer), (0, 0), "it came without answers");
    let id = id_of(&node.social, &peer.url("/n/1")).await;
    for _ in 0..2 {
        node.social.complete_thread(id).await.unwrap();
        node.running.settle().await;
    }
    assert!(node.text(&answers[0]).await.is_some());
    assert_eq!(asked(&peer), (1, 1), "a thread rests before it is read again");
}

#[tokio::test]
async fn the_first_answers_to_a_post_come_with_it() {
    let (node, peer) = ana_follows_bob().await;
    // Named: the collection is read, and five of its answers.
    let mut note = fresh(&peer, "/n/1");
    serve_answers(&peer, &note, 8);
    note["replies"] = note["replies"]["id"].clone();
    node.apply(&create(&peer, note)).await;
    assert_eq!(asked(&peer), (1, 5));
    assert_eq!(node.count("SELECT count(*) FROM social.post").await, 6);
    let counted = "SELECT replies_count FROM social.post WHERE in_reply_to_id IS NULL";
    assert_eq!(node.count(counted).await, 5);
    // Reading them is no looking: the rest is read when somebody looks.
    let id = id_of(&node.social, &peer.url("/n/1")).await;
    node.social.complete_thread(id).await.unwrap();
    node.running.settle().await;
    assert_eq!(asked(&peer), (1, 3));
    // Brought along: nobody asks for the collection, nor for what is on other hosts.
    let other = Peer::start().await;
    let mut note = fresh(&peer, "/n/2");
    let mut own = peer.note("bob", "/answers/own");
    own["inReplyTo"] = note["id"].clone();
    peer.serve(&own);
    note["replies"]["first"]["items"] = json!([own["id"], other.url("/answers/1")]);
    node.apply(&create(&peer, note)).await;
    assert_eq!(asked(&peer), (0, 1));
    assert_eq!(other.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_thread_is_completed_above_its_first_known_post() {
    let (node, peer) = ana_follows_bob().await;
    let root = peer.note("bob", "/n/1");
    let mut middle = peer.note("bob", "/n/2");
    middle["inReplyTo"] = root["id"].clone();
    let mut last = peer.note("bob", "/n/3");
    last["inReplyTo"] = middle["id"].clone();
    for note in [&middle, &last] {
        node.apply(&create(&peer, note.clone())).await;
    }
    // It is there again when somebody looks at the last one; what failed is left alone for a while.
    peer.serve(&root);
    let root = root["id"].as_str().unwrap().parse().unwrap();
    node.social.0.remote.failures.note_success(&root);
    let id = id_of(&node.social, &peer.url("/n/3")).await;
    node.social.complete_thread(id).await.unwrap();
    node.running.settle().await;
    let linked = "SELECT count(*) FROM social.post WHERE in_reply_to_id IS NOT NULL";
    assert_eq!(node.count(linked).await, 2);
}
