//! What must be read from hosts that are away, or busy.

use chrono::Duration;

use super::*;

/// Lets time pass in steps, and all work get done that is due.
async fn pass(node: &Node, clock: &Clock, step: Duration, steps: usize) {
    for _ in 0..steps {
        clock.advance(step);
        node.running.settle().await;
    }
}

/// A boost by bob of what another host has.
fn boost(peer: &Peer, other: &Peer, path: &str) -> Value {
    peer.activity("Announce", "bob", &format!("/b{path}"), json!(other.url(path)))
}

#[tokio::test]
async fn a_boost_waits_for_hours_for_a_host_that_is_away() {
    let clock = by_hand();
    let (node, peer) = ana_follows_bob_on(clock.clone()).await;
    let other = Peer::start().await;
    other.add_actor("carol", Key::Second);
    other.serve_at("/n/1", 500, &json!({}));
    node.apply(&boost(&peer, &other, "/n/1")).await;
    pass(&node, &clock, Duration::minutes(5), 72).await;
    assert_eq!(node.count("SELECT count(*) FROM social.post").await, 0);
    let asked = other.asked().len();
    assert!((5..=15).contains(&asked), "asked {asked} times in six hours");
    other.serve(&other.note("carol", "/n/1"));
    pass(&node, &clock, Duration::minutes(30), 8).await;
    assert!(node.text(&other.url("/n/1")).await.is_some());
    assert_eq!(node.count("SELECT count(*) FROM social.home_entry").await, 1);
}

#[tokio::test]
async fn what_never_comes_is_given_up_after_a_day_or_so() {
    let clock = by_hand();
    let (node, peer) = ana_follows_bob_on(clock.clone()).await;
    let other = Peer::start().await;
    for path in ["/n/1", "/n/2", "/n/3", "/n/4"] {
        other.serve_at(path, 500, &json!({}));
        node.apply(&boost(&peer, &other, path)).await;
    }
    let waiting = "SELECT count(*) FROM spine.job WHERE kind = 'social.apply_remotely'";
    pass(&node, &clock, Duration::minutes(30), 24).await;
    assert_eq!(node.count(waiting).await, 4, "half a day is not long");
    pass(&node, &clock, Duration::minutes(30), 80).await;
    assert_eq!(node.count(waiting).await, 0);
}

#[tokio::test]
async fn a_host_that_asks_for_a_rest_gets_it() {
    let clock = by_hand();
    let (node, peer) = ana_follows_bob_on(clock.clone()).await;
    let other = Peer::start().await;
    other.add_actor("carol", Key::Second);
    other.is_busy_at("/n/1", 1_800);
    other.serve(&other.note("carol", "/n/2"));
    for path in ["/n/1", "/n/2"] {
        node.apply(&boost(&peer, &other, path)).await;
    }
    assert_eq!(other.asked(), ["/n/1"]);
    other.serve(&other.note("carol", "/n/1"));
    pass(&node, &clock, Duration::seconds(299), 6).await;
    assert_eq!(other.asked(), Vec::<String>::new(), "it is left alone");
    pass(&node, &clock, Duration::seconds(10), 1).await;
    for path in ["/n/1", "/n/2"] {
        assert!(node.text(&other.url(path)).await.is_some(), "{path}");
    }
}

#[tokio::test]
async fn a_thread_is_read_on_where_a_host_was_away() {
    let clock = by_hand();
    let (node, peer) = ana_follows_bob_on(clock.clone()).await;
    let other = Peer::start().await;
    other.add_actor("carol", Key::Second);
    let root = other.note("carol", "/n/1");
    let mut middle = other.note("carol", "/n/2");
    middle["inReplyTo"] = root["id"].clone();
    other.serve(&middle);
    other.serve_at("/n/1", 500, &json!({}));
    let mut reply = peer.note("bob", "/n/3");
    reply["inReplyTo"] = middle["id"].clone();
    node.apply(&create(&peer, reply)).await;
    assert_eq!(node.count("SELECT count(*) FROM social.post").await, 2);
    pass(&node, &clock, Duration::minutes(10), 6).await;
    other.serve(&root);
    pass(&node, &clock, Duration::minutes(30), 4).await;
    assert_eq!(node.count("SELECT count(*) FROM social.post").await, 3);
    let threads = "SELECT count(DISTINCT conversation_id) FROM social.post";
    assert_eq!(node.count(threads).await, 1);
}

#[tokio::test]
async fn people_who_are_found_do_not_wait_for_others() {
    let clock = by_hand();
    let (node, peer) = ana_follows_bob_on(clock.clone()).await;
    let other = Peer::start().await;
    other.add_actor("carol", Key::Second);
    other.serve_at("/users/dave", 500, &json!({}));
    let mut note = peer.note("bob", "/n/1");
    note["tag"] = ["dave", "carol"]
        .iter()
        .map(|name| json!({"type": "Mention", "href": other.user(name), "name": name}))
        .collect();
    node.apply(&create(&peer, note)).await;
    let named = "SELECT count(*) FROM social.post_mention";
    assert_eq!(node.count(named).await, 1);
    pass(&node, &clock, Duration::minutes(10), 6).await;
    other.add_actor("dave", Key::Second);
    pass(&node, &clock, Duration::minutes(30), 4).await;
    assert_eq!(node.count(named).await, 2);
}
