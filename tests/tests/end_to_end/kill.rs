//! The node is killed at random under a stream of inbound and outbound activities; what it
//! acknowledged is applied exactly once, and every post is delivered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tests::{Bus, Client, Node, Peer, eventually_within};

/// How often the node is killed.
const KILLS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_doubled_by_kills() {
    let (mut node, peer) = tokio::join!(Node::start(), Peer::start());
    let peer = Arc::new(peer);
    let ada = node.person("ada").await;
    befriend(&node, &ada, &peer).await;

    let going = Arc::new(AtomicBool::new(true));
    let (taken, written) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let inbound = tokio::spawn(send_inbound(
        Arc::clone(&peer),
        node.origin(),
        Arc::clone(&going),
        Arc::clone(&taken),
    ));
    let outbound = tokio::spawn(publish(ada.clone(), Arc::clone(&going), Arc::clone(&written)));
    let mut random = uuid::Uuid::new_v4().as_u128();
    for _ in 0..KILLS {
        // Both streams move between two kills, however busy the machine is; then a pause of its
        // own length, for the moment is what is random here.
        let before = (taken.load(Ordering::Relaxed), written.load(Ordering::Relaxed));
        eventually_within(Duration::from_secs(60), "both streams to move", || async {
            let now = (taken.load(Ordering::Relaxed), written.load(Ordering::Relaxed));
            (now.0 > before.0 && now.1 > before.1).then_some(())
        })
        .await;
        let pause = Duration::from_millis(u64::try_from(random % 700).unwrap() + 100);
        random = random.rotate_right(10);
        tokio::time::sleep(pause).await;
        node.kill();
        node.resume().await;
    }
    going.store(false, Ordering::Relaxed);
    let (received, published) = (inbound.await.unwrap(), outbound.await.unwrap());
    assert!(received.len() >= KILLS && published.len() >= KILLS, "the streams hardly moved");

    // Every acknowledged activity was applied, exactly once.
    let database = node.database().await;
    let limit = Duration::from_secs(120);
    eventually_within(limit, "every acknowledged activity to be applied", || async {
        let stored: Vec<String> = sqlx::query_scalar("SELECT uri FROM social.post WHERE NOT local")
            .fetch_all(&database)
            .await
            .ok()?;
        let stored: BTreeSet<_> = stored.into_iter().collect();
        received.is_subset(&stored).then_some(())
    })
    .await;
    let doubled: Vec<(String, i64)> = sqlx::query_as(
        "SELECT subject, count(*) FROM spine.event WHERE type = 'social.PostStored.v1'
          GROUP BY subject HAVING count(*) > 1",
    )
    .fetch_all(&database)
    .await
    .unwrap();
    assert_eq!(doubled, [], "stored more than once");
    let entries: i64 = sqlx::query_scalar("SELECT count(*) FROM social.home_entry")
        .fetch_one(&database)
        .await
        .unwrap();
    let posts: i64 =
        sqlx::query_scalar("SELECT count(*) FROM social.post").fetch_one(&database).await.unwrap();
    assert_eq!(entries, posts, "each post stands once in the home timeline");

    // Every acknowledged post reached the follower.
    eventually_within(limit, "every post to be delivered", || async {
        let delivered: BTreeSet<String> = peer
            .received()
            .await
            .iter()
            .filter(|got| got["activity"]["type"] == "Create")
            .filter_map(|got| got["activity"]["object"]["id"].as_str().map(str::to_owned))
            .collect();
        published.is_subset(&delivered).then_some(())
    })
    .await;
    let dead: i64 = sqlx::query_scalar("SELECT count(*) FROM spine.job WHERE died_at IS NOT NULL")
        .fetch_one(&database)
        .await
        .unwrap();
    assert_eq!(dead, 0, "dead letters");
    println!(
        "{:?}: {KILLS} kills, {} inbound and {} outbound acknowledged",
        Bus::asked_for(),
        received.len(),
        published.len()
    );
}

/// The peer and Ada follow each other.
async fn befriend(node: &Node, ada: &Client, peer: &Peer) {
    let inbox = format!("{}/inbox", node.origin());
    let actor: Value = format!("{}/users/ada", node.origin()).into();
    let follow = peer.activity("Follow", &actor);
    assert_eq!(peer.deliver(&inbox, &follow, &json!({})).await.0, 202);
    peer.expect("Accept", |_| true).await;
    let found = ada.find(&peer.handle()).await;
    let path = format!("/api/v1/accounts/{}/follow", found["id"].as_str().unwrap());
    ada.post(&path, &json!({})).await.unwrap().ok();
    let asked = peer.expect("Follow", |_| true).await;
    let accept = peer.activity("Accept", &asked["activity"]);
    assert_eq!(peer.deliver(&inbox, &accept, &json!({})).await.0, 202);
    eventually_within(Duration::from_secs(30), "the friendship", || async {
        let path = format!("/api/v1/accounts/relationships?id[]={}", found["id"].as_str()?);
        (ada.get(&path).await.ok()?.json[0]["following"] == true).then_some(())
    })
    .await;
}

/// Delivers notes until told to stop; each until it is acknowledged, as real servers do. Answers
/// the ids of those acknowledged.
async fn send_inbound(
    peer: Arc<Peer>,
    origin: String,
    going: Arc<AtomicBool>,
    taken: Arc<AtomicUsize>,
) -> BTreeSet<String> {
    let inbox = format!("{origin}/inbox");
    let mut acknowledged = BTreeSet::new();
    let mut waiting: BTreeMap<String, Value> = BTreeMap::new();
    while going.load(Ordering::Relaxed) || !waiting.is_empty() {
        if going.load(Ordering::Relaxed) {
            let note = peer.note(&json!({ "content": "<p>in</p>" })).await;
            let id = note["id"].as_str().unwrap().to_owned();
            waiting.insert(id, peer.activity("Create", &note));
        }
        let batch: Vec<_> =
            waiting.iter().map(|(id, create)| (id.clone(), create.clone())).collect();
        for (id, create) in batch {
            if let Some(202) = peer.try_deliver(&inbox, &create).await {
                waiting.remove(&id);
                acknowledged.insert(id);
                taken.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    acknowledged
}

/// Posts until told to stop. Answers the ids of the posts that were acknowledged.
async fn publish(
    ada: Client,
    going: Arc<AtomicBool>,
    written: Arc<AtomicUsize>,
) -> BTreeSet<String> {
    let mut acknowledged = BTreeSet::new();
    let mut number = 0;
    while going.load(Ordering::Relaxed) {
        number += 1;
        let body = json!({ "status": format!("out {number}") });
        match ada.post("/api/v1/statuses", &body).await {
            Ok(answer) if answer.status == 200 => {
                acknowledged.insert(answer.json["uri"].as_str().unwrap().to_owned());
                written.fetch_add(1, Ordering::Relaxed);
            }
            // Down, or on its way up.
            Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    acknowledged
}
