//! What is kept of an activity until it is applied, and what is not.

use spine::work::admin::{self, JobFilter, Pausable};
use spine::{Cause, Lane, Spine};

use super::*;

#[tokio::test]
async fn heavy_activities_that_come_at_once_are_all_taken_and_applied() {
    let (node, peer) = ana_follows_bob().await;
    let activities: Vec<Value> = (0..12)
        .map(|number| {
            let mut note = peer.note("bob", &format!("/n/{number}"));
            note["content"] = json!("x".repeat(900_000));
            create(&peer, note)
        })
        .collect();
    let received = activities.iter().map(|activity| node.receive(activity));
    for receipt in futures_util::future::join_all(received).await {
        assert_eq!(receipt.unwrap(), Receipt::Accepted);
    }
    node.running.settle().await;
    assert_eq!(node.count("SELECT count(*) FROM social.post").await, 12);
}

#[tokio::test]
async fn an_activity_about_what_was_erased_is_shown_to_nobody_and_leaves_no_dead_letter() {
    let (node, peer) = ana_follows_bob().await;
    let spine = node.social.spine();
    admin::pause(spine, &Pausable::Lane(Lane::Interactive)).await.unwrap();
    for number in 0..2 {
        let note = peer.note("bob", &format!("/n/{number}"));
        assert_eq!(node.receive(&create(&peer, note)).await.unwrap(), Receipt::Accepted);
    }
    let erase = async || {
        let mut tx = spine.begin(Cause::system()).await.unwrap();
        Spine::erase(&mut tx, &peer.url("/n/0")).await.unwrap();
        tx.commit().await.unwrap();
    };
    let arrived =
        JobFilter { kind: Some("social.apply_activity".to_owned()), ..JobFilter::default() };
    erase().await;
    let waiting = admin::list(spine.pool(), &arrived, 9).await.unwrap();
    assert_eq!(waiting.len(), 2);
    for job in &waiting {
        let erased = job.subject.as_deref() == Some(&*peer.url("/n/0"));
        assert_eq!(job.payload.is_none(), erased, "{job:?}");
    }

    // As if both had failed for good.
    let died = "WITH died AS (UPDATE spine.job SET state = 4, died_at = now()
                               WHERE kind = 'social.apply_activity' RETURNING 1)
                SELECT count(*) FROM died";
    assert_eq!(node.count(died).await, 2);
    erase().await;
    let left = admin::list(spine.pool(), &arrived, 9).await.unwrap();
    let subjects: Vec<_> = left.iter().filter_map(|job| job.subject.as_deref()).collect();
    assert_eq!(subjects, [peer.url("/n/1")]);
}
