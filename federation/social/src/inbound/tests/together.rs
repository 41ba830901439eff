//! Activities about the same thing that two transactions apply at the same time.

use std::time::Duration;

use spine::work::admin::Pausable;
use spine::{Cause, Job, Tx};

use super::*;
use crate::inbound::apply::{ApplyActivity, apply_all};
use crate::remote::RemoteError;
use crate::remote::posts::Wanted;
use crate::store::inbound_activities;
use crate::threads::FetchParents;
use crate::{Social, Visibility};

async fn begin(social: &Social) -> Tx {
    social.spine().begin(Cause::system()).await.unwrap()
}

/// What the batch job does, in a transaction of the test's.
async fn apply_in(social: &Social, tx: &mut Tx, activity: &Value) {
    let job = ApplyActivity {
        activity: activity["id"].as_str().unwrap().to_owned(),
        delivered_to: None,
        body: activity.to_string(),
        for_receiver: false,
        request: None,
    };
    let incoming = job.read(&Cause::system()).unwrap();
    apply_all(social, tx, vec![(&job, incoming)]).await.unwrap();
}

/// Applies `first` in a transaction that stays open until `second`, in another one, either waits
/// for it or is through.
async fn overlap(node: &Node, first: &Value, second: &Value) {
    let (social, second) = (node.social.clone(), second.clone());
    overlap_with(node, first, async move {
        let mut tx = begin(&social).await;
        apply_in(&social, &mut tx, &second).await;
        tx.commit().await.unwrap();
    })
    .await;
}

async fn overlap_with(
    node: &Node,
    first: &Value,
    second: impl Future<Output = ()> + Send + 'static,
) {
    let mut open = begin(&node.social).await;
    apply_in(&node.social, &mut open, first).await;
    let other = tokio::spawn(second);
    let meet = async {
        while !other.is_finished() && !somebody_waits(node).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), meet).await.unwrap();
    open.commit().await.unwrap();
    other.await.unwrap();
}

async fn somebody_waits(node: &Node) -> bool {
    let waiting = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock'";
    node.count(waiting).await > 0
}

/// Both orders of two activities about one thing.
fn both<'a>(one: &'a Value, other: &'a Value) -> [(&'a Value, &'a Value); 2] {
    [(one, other), (other, one)]
}

#[tokio::test]
async fn a_post_deleted_while_it_is_stored_is_gone() {
    let (node, peer) = ana_follows_bob().await;
    for turn in 0..2 {
        let note = peer.note("bob", &format!("/n/{turn}"));
        let id = note["id"].clone();
        let delete = peer.activity("Delete", "bob", &format!("/d/{turn}"), id);
        let create = create(&peer, note);
        let (first, second) = both(&create, &delete)[turn];
        overlap(&node, first, second).await;
        assert_eq!(node.text(&peer.url(&format!("/n/{turn}"))).await, None, "{}", first["type"]);
    }
}

#[tokio::test]
async fn a_post_changed_while_it_is_stored_is_changed() {
    let (node, peer) = ana_follows_bob().await;
    for turn in 0..2 {
        let note = peer.note("bob", &format!("/n/{turn}"));
        let mut changed = note.clone();
        changed["content"] = json!("<p>changed</p>");
        changed["updated"] = json!(node.social.spine().clock().now().to_rfc3339());
        let update = peer.activity("Update", "bob", &format!("/u/{turn}"), changed);
        let create = create(&peer, note);
        let (first, second) = both(&create, &update)[turn];
        overlap(&node, first, second).await;
        let text = node.text(&peer.url(&format!("/n/{turn}"))).await;
        assert_eq!(text.as_deref(), Some("<p>changed</p>"), "{}", first["type"]);
    }
}

#[tokio::test]
async fn what_is_undone_while_it_is_done_is_undone() {
    let (node, peer) = ana_follows_bob().await;
    let ana = node.account(&node.user("ana")).await.unwrap().id;
    let (_, uri) = node.add_post("ana", ana, Visibility::Public).await;
    let bobs = "SELECT (SELECT count(*) FROM social.favourite)
                     + (SELECT count(*) FROM social.post WHERE boost_of_id IS NOT NULL)
                     + (SELECT count(*) FROM social.follow) - 1";
    for (kind, object) in [("Like", json!(uri)), ("Announce", json!(uri)), ("Follow", to_ana())] {
        for turn in 0..2 {
            let done = peer.activity(kind, "bob", &format!("/{kind}/{turn}"), object.clone());
            for (way, undone) in [done["id"].clone(), done.clone()].into_iter().enumerate() {
                let mut done = done.clone();
                done["id"] = json!(peer.url(&format!("/{kind}/{turn}/{way}")));
                let undone = if undone.is_string() { done["id"].clone() } else { done.clone() };
                let undo = peer.activity("Undo", "bob", &format!("/x/{kind}/{turn}/{way}"), undone);
                let (first, second) = both(&done, &undo)[turn];
                overlap(&node, first, second).await;
                assert_eq!(node.count(bobs).await, 0, "{kind} {turn} {way}");
            }
        }
    }
}

/// A node where nobody looks for missing parents: only what comes together can link posts.
async fn without_searches() -> (Node, Peer) {
    let (node, peer) = ana_follows_bob().await;
    let searches = Pausable::Lane(FetchParents::LANE);
    assert!(spine::work::admin::pause(node.social.spine(), &searches).await.unwrap());
    (node, peer)
}

/// A post of bob's and his answer to it.
fn answered(peer: &Peer, number: usize) -> (Value, Value) {
    let parent = peer.note("bob", &format!("/parent/{number}"));
    let mut answer = peer.note("bob", &format!("/answer/{number}"));
    answer["inReplyTo"] = parent["id"].clone();
    (parent, answer)
}

/// How many answers are counted at their parents and in their threads.
async fn linked(node: &Node) -> i64 {
    let linked = "SELECT count(*) FROM social.post child
                    JOIN social.post parent ON parent.id = child.in_reply_to_id
                     AND parent.conversation_id = child.conversation_id
                     AND parent.replies_count = 1";
    node.count(linked).await
}

#[tokio::test]
async fn an_answer_and_its_parent_stored_together_are_linked() {
    let (node, peer) = without_searches().await;
    for turn in 0..2 {
        let (parent, answer) = answered(&peer, turn);
        let (parent, answer) = (create(&peer, parent), create(&peer, answer));
        let (first, second) = both(&parent, &answer)[turn];
        overlap(&node, first, second).await;
        assert_eq!(linked(&node).await, turn as i64 + 1);
    }
}

#[tokio::test]
async fn an_answer_stored_while_its_parent_is_read_is_linked() {
    let (node, peer) = without_searches().await;
    let (parent, answer) = answered(&peer, 1);
    peer.serve(&parent);
    let (social, id) = (node.social.clone(), peer.url("/parent/1").parse().unwrap());
    overlap_with(&node, &create(&peer, answer), async move {
        social.remote_post(&id, Wanted::ALONE, Cause::system()).await.unwrap();
    })
    .await;
    assert_eq!(linked(&node).await, 1);
}

#[tokio::test]
async fn a_post_deleted_while_it_is_read_is_gone() {
    let (node, peer) = ana_follows_bob().await;
    let note = peer.note("bob", "/n/1");
    peer.serve(&note);
    let (social, id) = (node.social.clone(), peer.url("/n/1").parse().unwrap());
    let delete = peer.activity("Delete", "bob", "/d/1", note["id"].clone());
    overlap_with(&node, &delete, async move {
        let read = social.remote_post(&id, Wanted::ALONE, Cause::system()).await;
        assert!(matches!(read, Err(RemoteError::Gone)), "{read:?}");
    })
    .await;
    assert_eq!(node.text(&peer.url("/n/1")).await, None);
}

#[tokio::test]
async fn turns_are_taken_without_a_ring() {
    let node = Node::start().await;
    let ids: Vec<String> = (0..60).map(|number| format!("https://a.example/{number}")).collect();
    let mut takers = tokio::task::JoinSet::new();
    for taker in 0..4 {
        let (social, mut ids) = (node.social.clone(), ids.clone());
        takers.spawn(async move {
            for round in 0..20 {
                ids.rotate_left(taker * 7 + round);
                let mut tx = begin(&social).await;
                inbound_activities::take_turns(tx.conn(), &ids[..40]).await.unwrap();
                tx.commit().await.unwrap();
            }
        });
    }
    while let Some(taken) = takers.join_next().await {
        taken.unwrap();
    }
}
