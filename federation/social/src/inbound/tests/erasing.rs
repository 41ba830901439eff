//! What the ledger still says of what nobody kept, and of who is gone.

use spine::{Cause, Tx};

use super::*;
use crate::events::{ActivityReceived, RelationshipChanged};
use crate::inbound::apply::{ApplyActivity, apply_all};
use crate::{AccountId, Visibility};

const RECEIVED: &str = "federation.ActivityReceived.v1";

/// The bodies of activities that can be read, whoever they are of.
async fn bodies(node: &Node) -> Vec<String> {
    node.readable(RECEIVED).await
}

async fn begin(node: &Node) -> Tx {
    node.social.spine().begin(Cause::system()).await.unwrap()
}

/// A poll of ana's.
async fn ask(node: &Node, ana: AccountId) -> String {
    use crate::write::posts::{PollOption, StoredPoll, StoredPost};
    let spine = node.social.spine();
    let id = crate::PostId(spine.snowflakes().next());
    let uri = format!("{}/statuses/{id}", node.user("ana"));
    let mut question = StoredPost::new(id, &uri, ana, Visibility::Public, spine.clock().now());
    question.local = true;
    question.kind = "Question".to_owned();
    let option = |title: &str| PollOption { title: title.to_owned(), votes_count: 0 };
    question.poll = Some(StoredPoll {
        id: crate::PollId(spine.snowflakes().next()),
        options: vec![option("tea"), option("coffee")],
        multiple: false,
        hide_totals: false,
        ends_at: None,
        voters_count: 0,
    });
    node.insert(question).await;
    uri
}

#[tokio::test]
async fn what_nobody_here_asked_for_cannot_be_read_afterwards() {
    let (node, peer) = ana_follows_bob().await;
    peer.add_actor("carol", Key::First);
    let by_carol = |path: &str| {
        let note = peer.note("carol", path);
        peer.activity("Create", "carol", &format!("{path}/create"), note)
    };
    node.apply(&by_carol("/n/1")).await;
    assert_eq!(node.count("SELECT count(*) FROM social.post").await, 0);
    assert_eq!(bodies(&node).await, Vec::<String>::new());
    let told = "SELECT count(*) FROM spine.event WHERE type = 'federation.ActivityReceived.v1'";
    assert_eq!(node.count(told).await, 1, "that it came stays");

    // Nor what a boost that nobody wants brings along.
    let mut boost = peer.activity("Announce", "carol", "/b/1", peer.note("carol", "/n/2"));
    boost["to"] = json!([to_ana()]);
    node.apply(&boost).await;
    assert_eq!(bodies(&node).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_stored_post_can_be_read_until_it_is_deleted() {
    let (node, peer) = ana_follows_bob().await;
    let note = peer.note("bob", "/n/1");
    node.apply(&create(&peer, note.clone())).await;
    // A repeat, under another name, changes nothing and erases nothing.
    node.apply(&peer.activity("Create", "bob", "/again", note.clone())).await;
    let mut changed = note.clone();
    changed["content"] = json!("<p>changed by bob</p>");
    node.apply(&peer.activity("Update", "bob", "/u/1", changed)).await;
    assert_eq!(bodies(&node).await.len(), 3);
    assert_eq!(node.readable("social.PostStored.v1").await.len(), 1);
    node.apply(&peer.activity("Delete", "bob", "/d/1", note["id"].clone())).await;
    assert_eq!(bodies(&node).await, Vec::<String>::new());
    assert_eq!(node.readable("social.PostStored.v1").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_create_that_comes_after_its_delete_cannot_be_read() {
    let (node, peer) = ana_follows_bob().await;
    let note = peer.note("bob", "/n/1");
    node.apply(&peer.activity("Delete", "bob", "/d/1", note["id"].clone())).await;
    node.apply(&create(&peer, note.clone())).await;
    let mut changed = note.clone();
    changed["content"] = json!("<p>changed by bob</p>");
    node.apply(&peer.activity("Update", "bob", "/u/1", changed)).await;
    assert_eq!(node.text(&peer.url("/n/1")).await, None);
    assert_eq!(bodies(&node).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_delete_of_what_is_not_here_erases_what_was_received_of_it() {
    let (node, peer) = ana_follows_bob().await;
    let note = peer.note("bob", "/n/1");
    // As an earlier version of this program kept what it ignored.
    let mut tx = begin(&node).await;
    tx.record(&ActivityReceived {
        activity: peer.url("/c/1"),
        kind: "Create".to_owned(),
        actor: peer.user("bob"),
        about: peer.url("/n/1"),
        body: create(&peer, note.clone()).to_string(),
    })
    .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(bodies(&node).await.len(), 1);
    // Only its author's, or his host's.
    let other = Peer::start().await;
    other.add_actor("eve", Key::First);
    node.apply(&other.activity("Delete", "eve", "/d/1", note["id"].clone())).await;
    assert_eq!(bodies(&node).await.len(), 1);
    node.apply(&peer.activity("Delete", "bob", "/d/1", note["id"].clone())).await;
    assert_eq!(bodies(&node).await, Vec::<String>::new());
}

#[tokio::test]
async fn nobody_has_anothers_records_erased() {
    let (node, peer) = ana_follows_bob().await;
    let note = peer.note("bob", "/n/1");
    node.apply(&create(&peer, note.clone())).await;
    let other = Peer::start().await;
    other.add_actor("eve", Key::First);
    peer.serve(&note);
    let mut borrowed = note.clone();
    borrowed["attributedTo"] = json!(other.user("eve"));
    for (number, object) in [note, borrowed, json!(peer.user("bob"))].into_iter().enumerate() {
        for kind in ["Create", "Update", "Delete", "Announce", "Flag"] {
            let path = format!("/{kind}/{number}");
            node.apply(&other.activity(kind, "eve", &path, object.clone())).await;
        }
    }
    let left = bodies(&node).await;
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].contains("by bob"));
    assert_eq!(node.readable("social.PostStored.v1").await.len(), 1);
}

#[tokio::test]
async fn a_post_stored_and_deleted_in_one_batch_cannot_be_read() {
    let (node, peer) = ana_follows_bob().await;
    let note = peer.note("bob", "/n/1");
    let delete = peer.activity("Delete", "bob", "/d/1", note["id"].clone());
    let batch: Vec<_> = [create(&peer, note), delete]
        .into_iter()
        .map(|activity| ApplyActivity {
            activity: activity["id"].as_str().unwrap().to_owned(),
            delivered_to: None,
            body: activity.to_string(),
            for_receiver: false,
            request: None,
        })
        .collect();
    let batch = batch.iter().map(|job| (job, job.read(&Cause::system()).unwrap())).collect();
    let mut tx = begin(&node).await;
    apply_all(&node.social, &mut tx, batch).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(node.text(&peer.url("/n/1")).await, None);
    let stored = "SELECT count(*) FROM spine.event WHERE type = 'social.PostStored.v1'";
    assert_eq!(node.count(stored).await, 1);
    assert_eq!(node.readable("social.PostStored.v1").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_boost_goes_with_what_it_boosts() {
    let (node, peer) = ana_follows_bob().await;
    peer.add_actor("carol", Key::First);
    let note = peer.note("carol", "/n/1");
    peer.serve(&note);
    node.apply(&peer.activity("Announce", "bob", "/b/1", note.clone())).await;
    assert_eq!(node.count("SELECT count(*) FROM social.post").await, 2);
    assert_eq!(bodies(&node).await.len(), 1);
    node.apply(&peer.activity("Delete", "carol", "/d/1", note["id"].clone())).await;
    assert_eq!(node.count("SELECT count(*) FROM social.post").await, 0);
    assert_eq!(bodies(&node).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_vote_cannot_be_read_once_it_is_counted() {
    let (node, peer) = ana_follows_bob().await;
    let ana = node.account(&node.user("ana")).await.unwrap().id;
    let question = ask(&node, ana).await;
    for (number, name) in ["coffee", "tea"].into_iter().enumerate() {
        let vote = json!({
            "id": peer.url(&format!("/v/{number}")), "type": "Note", "name": name,
            "attributedTo": peer.user("bob"), "inReplyTo": question, "to": [to_ana()],
        });
        node.apply(&create(&peer, vote)).await;
        assert_eq!(node.count("SELECT count(*) FROM social.poll_vote").await, 1);
        assert_eq!(bodies(&node).await, Vec::<String>::new(), "{name}");
    }
}

#[tokio::test]
async fn who_is_gone_leaves_nothing_that_can_be_read() {
    let (node, peer) = ana_follows_bob().await;
    let ana = node.account(&node.user("ana")).await.unwrap().id;
    let bob = node.account(&peer.user("bob")).await.unwrap().id;
    let (_, uri) = node.add_post("ana", ana, Visibility::Public).await;
    let question = ask(&node, ana).await;
    let vote = json!({
        "id": peer.url("/v/1"), "type": "Note", "name": "tea",
        "attributedTo": peer.user("bob"), "inReplyTo": question, "to": [to_ana()],
    });
    let like = peer.activity("Like", "bob", "/l/1", json!(uri));
    for activity in [
        create(&peer, peer.note("bob", "/n/1")),
        create(&peer, vote),
        like.clone(),
        peer.activity("Undo", "bob", "/x/1", like),
        peer.activity("Like", "bob", "/l/2", json!(uri)),
        peer.activity("Announce", "bob", "/b/1", json!(uri)),
        peer.activity("Follow", "bob", "/f/1", to_ana()),
        peer.activity("Dance", "bob", "/dance/1", json!(uri)),
    ] {
        node.apply(&activity).await;
    }
    assert_eq!(bodies(&node).await.len(), 7, "all but the vote");
    node.apply(&peer.activity("Delete", "bob", "/d/1", json!(peer.user("bob")))).await;
    assert_eq!(bodies(&node).await, Vec::<String>::new());
    assert_eq!(node.readable("social.PostReacted.v1").await, Vec::<String>::new());
    assert_eq!(node.readable("social.PostDeleted.v1").await, Vec::<String>::new());
    let relations = node.readable("social.RelationshipChanged.v1").await;
    let by_bob = |one: &String| {
        let change: RelationshipChanged = serde_json::from_str(one).unwrap();
        change.account == bob
    };
    assert!(!relations.is_empty(), "ana's are hers");
    assert!(!relations.iter().any(by_bob), "{relations:?}");
}
