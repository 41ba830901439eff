//! How fast the inbox is. Run by hand, in a release build:
//! `cargo test --release -p social --lib inbound::tests::speed -- --ignored --nocapture`.

use std::time::Instant;

use super::*;

const ACTIVITIES: usize = 6_000;
const AT_ONCE: usize = 128;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn activities_a_second() {
    let (node, peer) = ana_follows_bob().await;
    let mut requests: Vec<InboxRequest> = (0..ACTIVITIES)
        .map(|number| {
            let activity = create(&peer, peer.note("bob", &format!("/n/{number}")));
            node.request(&activity, &node.signing(&activity))
        })
        .collect();
    let begun = Instant::now();
    let mut senders = tokio::task::JoinSet::new();
    while !requests.is_empty() {
        let share = requests.split_off(requests.len().saturating_sub(ACTIVITIES / AT_ONCE));
        let social = node.social.clone();
        senders.spawn(async move {
            for request in share {
                assert_eq!(social.receive(request).await.unwrap(), Receipt::Accepted);
            }
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent.unwrap();
    }
    let accepted = begun.elapsed();
    node.running.settle().await;
    let visible = begun.elapsed();
    assert_eq!(node.count("SELECT count(*) FROM social.home_entry").await, ACTIVITIES as i64);
    let rate = |time: std::time::Duration| ACTIVITIES as f64 / time.as_secs_f64();
    println!("accepted {:.0}/s, visible {:.0}/s", rate(accepted), rate(visible));
}
