//! For how long it is remembered what was deleted before it came.

use chrono::{DateTime, Duration};

use super::*;
use crate::store::inbound_tombstones::{self as store, Burial};

const TOMBSTONES: &str = "SELECT count(*) FROM social.tombstone";

fn clock() -> Clock {
    Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap())
}

#[tokio::test]
async fn what_never_came_is_forgotten_and_what_was_here_is_not() {
    let clock = clock();
    let (node, peer) = ana_follows_bob_on(clock.clone()).await;
    let known = peer.note("bob", "/n/known");
    node.apply(&create(&peer, known.clone())).await;
    let delete = |path: &str, object: &Value| peer.activity("Delete", "bob", path, object.clone());
    node.apply(&delete("/d/1", &known["id"])).await;
    node.apply(&delete("/d/2", &json!(peer.url("/n/never")))).await;
    node.apply(&peer.activity("Undo", "bob", "/x/1", json!(peer.url("/l/never")))).await;
    assert_eq!(node.count(TOMBSTONES).await, 3);
    clock.advance(Duration::hours(5));
    node.running.settle().await;
    assert_eq!(node.count(TOMBSTONES).await, 3, "what is undone may still be on its way");
    clock.advance(Duration::hours(3));
    node.running.settle().await;
    assert_eq!(node.count(TOMBSTONES).await, 2, "an Undo is forgotten after some hours");
    clock.advance(Duration::days(29));
    node.running.settle().await;
    assert_eq!(node.count(TOMBSTONES).await, 2);
    clock.advance(Duration::days(1));
    node.running.settle().await;
    let kept = "SELECT count(*) FROM social.tombstone WHERE uri LIKE '%/n/known'";
    assert_eq!((node.count(TOMBSTONES).await, node.count(kept).await), (1, 1));
}

#[tokio::test]
async fn the_deletion_of_a_post_is_remembered_even_where_another_said_so_before() {
    let clock = clock();
    let (node, peer) = ana_follows_bob_on(clock.clone()).await;
    peer.add_actor("eve", Key::First);
    let note = peer.note("bob", "/n/1");
    node.apply(&peer.activity("Delete", "eve", "/d/1", note["id"].clone())).await;
    node.apply(&create(&peer, note.clone())).await;
    assert!(node.text(&peer.url("/n/1")).await.is_some(), "it is not hers");
    node.apply(&peer.activity("Delete", "bob", "/d/2", note["id"].clone())).await;
    clock.advance(Duration::days(31));
    node.running.settle().await;
    let kept = "SELECT count(*) FROM social.tombstone WHERE actor_uri LIKE '%/bob'";
    assert_eq!((node.count(TOMBSTONES).await, node.count(kept).await), (1, 1));
}

#[tokio::test]
async fn one_host_fills_only_its_own_share() {
    let node = Node::start().await;
    let now = node.social.spine().clock().now();
    let mut tx = node.social.spine().begin(spine::Cause::system()).await.unwrap();
    for number in 0..5 {
        let burials: Vec<Burial> = ["loud.example", "quiet.example"]
            .into_iter()
            .take(if number < 2 { 2 } else { 1 })
            .map(|host| Burial {
                uri: format!("https://{host}/{number}"),
                actor_uri: format!("https://{host}/x"),
                host: host.to_owned(),
                expires_at: now + Duration::days(30),
            })
            .collect();
        store::bury(tx.conn(), &burials, now + Duration::seconds(number)).await.unwrap();
        store::trim(tx.conn(), &burials, 3).await.unwrap();
    }
    tx.commit().await.unwrap();
    let loud = "SELECT count(*) FROM social.tombstone WHERE host = 'loud.example'
                   AND uri >= 'https://loud.example/2'";
    let quiet = "SELECT count(*) FROM social.tombstone WHERE host = 'quiet.example'";
    assert_eq!((node.count(loud).await, node.count(quiet).await), (3, 2), "the newest stay");
    assert_eq!(node.count(TOMBSTONES).await, 5);
    let mut tx = node.social.spine().begin(spine::Cause::system()).await.unwrap();
    assert_eq!(store::forget_surplus(tx.conn(), 4, 100).await.unwrap(), 1, "nor all of them");
    tx.commit().await.unwrap();
}
