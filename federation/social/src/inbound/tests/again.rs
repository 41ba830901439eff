//! What is done again, and what only comes again.

use chrono::Duration;

use super::*;
use crate::Visibility;

const FOLLOWS: &str = "SELECT count(*) FROM social.follow WHERE accepted";

/// Applies activities a second apart: whoever sends one again signs another time.
async fn apply_in_turn(node: &Node, clock: &Clock, activities: &[&Value]) {
    for activity in activities {
        clock.advance(Duration::seconds(1));
        node.apply(activity).await;
    }
}

#[tokio::test]
async fn who_follows_again_under_the_same_id_follows_again() {
    let clock = by_hand();
    let (node, peer) = ana_follows_bob_on(clock.clone()).await;
    let follow = peer.activity("Follow", "bob", "/f/ana", to_ana());
    for undone in [follow.clone(), follow["id"].clone()] {
        let undo = peer.activity("Undo", "bob", "/f/ana/undo", undone);
        for _ in 0..2 {
            apply_in_turn(&node, &clock, &[&follow]).await;
            assert_eq!(node.count(FOLLOWS).await, 2);
            assert_eq!(peer.delivered(), ["Accept"]);
            apply_in_turn(&node, &clock, &[&undo]).await;
            assert_eq!(node.count(FOLLOWS).await, 1);
        }
    }
}

#[tokio::test]
async fn pins_without_ids_come_and_go_and_come() {
    let clock = by_hand();
    let (node, peer) = ana_follows_bob_on(clock.clone()).await;
    node.apply(&create(&peer, peer.note("bob", "/n/1"))).await;
    let pin = |kind: &str| {
        let mut activity = peer.activity(kind, "bob", "/", json!(peer.url("/n/1")));
        activity["target"] = json!(format!("{}/featured", peer.user("bob")));
        activity.as_object_mut().unwrap().remove("id");
        activity
    };
    let (add, remove) = (pin("Add"), pin("Remove"));
    for _ in 0..2 {
        apply_in_turn(&node, &clock, &[&add]).await;
        assert_eq!(node.count("SELECT count(*) FROM social.pin").await, 1);
        apply_in_turn(&node, &clock, &[&remove]).await;
        assert_eq!(node.count("SELECT count(*) FROM social.pin").await, 0);
    }
}

#[tokio::test]
async fn the_very_same_request_is_a_repeat() {
    let clock = by_hand();
    let (node, peer) = ana_follows_bob_on(clock.clone()).await;
    let follow = peer.activity("Follow", "bob", "/f/1", to_ana());
    let request = node.request(&follow, &node.signing(&follow));
    assert_eq!(node.social.receive(request.clone()).await.unwrap(), Receipt::Accepted);
    node.running.settle().await;
    apply_in_turn(&node, &clock, &[&peer.activity("Undo", "bob", "/x/1", follow)]).await;
    assert_eq!(node.social.receive(request.clone()).await.unwrap(), Receipt::Duplicate);
    // A process that does not remember asks the database.
    assert_eq!(node.another().await.receive(request).await.unwrap(), Receipt::Duplicate);
    node.running.settle().await;
    assert_eq!(node.count(FOLLOWS).await, 1);
}

#[tokio::test]
async fn what_is_sent_again_counts_once() {
    let clock = by_hand();
    let (node, peer) = ana_follows_bob_on(clock.clone()).await;
    let ana = node.account(&node.user("ana")).await.unwrap().id;
    let (_, uri) = node.add_post("ana", ana, Visibility::Public).await;
    let like = peer.activity("Like", "bob", "/l/1", json!(uri));
    let follow = peer.activity("Follow", "bob", "/f/1", to_ana());
    apply_in_turn(&node, &clock, &[&like, &like, &follow, &follow]).await;
    assert_eq!(node.count("SELECT favourites_count FROM social.post").await, 1);
    let followers = "SELECT followers_count FROM social.account WHERE username = 'ana'";
    assert_eq!(node.count(followers).await, 1);
    assert_eq!(node.count("SELECT count(*) FROM social.notification").await, 2);
    let told = "SELECT count(*) FROM spine.event WHERE type = 'social.NotificationMade.v1'";
    assert_eq!(node.count(told).await, 2);
    let block = peer.activity("Block", "bob", "/k/1", to_ana());
    apply_in_turn(&node, &clock, &[&block, &block]).await;
    assert_eq!(node.count("SELECT count(*) FROM social.block").await, 1);
    assert_eq!(node.count(followers).await, 0);
}

#[tokio::test]
async fn an_undo_that_is_sent_again_leaves_what_was_done_anew() {
    let clock = by_hand();
    let (node, peer) = ana_follows_bob_on(clock.clone()).await;
    // Under another id.
    let first = peer.activity("Follow", "bob", "/f/1", to_ana());
    let second = peer.activity("Follow", "bob", "/f/2", to_ana());
    let undo = peer.activity("Undo", "bob", "/x/1", first.clone());
    apply_in_turn(&node, &clock, &[&first, &undo, &second, &undo]).await;
    assert_eq!(node.count(FOLLOWS).await, 2);
    // Under the same: it does not keep away what has not come yet.
    let ana = node.account(&node.user("ana")).await.unwrap().id;
    let (_, uri) = node.add_post("ana", ana, Visibility::Public).await;
    let like = peer.activity("Like", "bob", "/l/1", json!(uri));
    let undo = peer.activity("Undo", "bob", "/x/2", like.clone());
    apply_in_turn(&node, &clock, &[&like, &undo, &undo, &like]).await;
    assert_eq!(node.count("SELECT count(*) FROM social.favourite").await, 1);
}

#[tokio::test]
async fn an_undo_keeps_away_only_what_it_overtook() {
    let clock = by_hand();
    let (node, peer) = ana_follows_bob_on(clock.clone()).await;
    let follow = peer.activity("Follow", "bob", "/f/ana", to_ana());
    let undo = peer.activity("Undo", "bob", "/f/ana/undo", follow.clone());
    apply_in_turn(&node, &clock, &[&undo, &follow]).await;
    assert_eq!(node.count(FOLLOWS).await, 1);
    apply_in_turn(&node, &clock, &[&follow]).await;
    assert_eq!(node.count(FOLLOWS).await, 2);
    // Ana ends it; that bob then ends it too does not bury it.
    let ana = node.account(&node.user("ana")).await.unwrap().id;
    let bob = node.account(&peer.user("bob")).await.unwrap().id;
    let pair = crate::write::follows::FollowPair {
        follower: bob,
        target: ana,
        cause: spine::Cause::system(),
    };
    let mut tx = node.social.spine().begin(spine::Cause::system()).await.unwrap();
    crate::write::follows::end(&mut tx, &[pair], crate::write::follows::End::Rejected)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let another = peer.activity("Undo", "bob", "/f/ana/undo/2", follow.clone());
    apply_in_turn(&node, &clock, &[&another, &follow]).await;
    assert_eq!(node.count(FOLLOWS).await, 2);
}
