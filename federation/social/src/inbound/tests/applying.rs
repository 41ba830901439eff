//! What posts and what is done to them become.

use super::*;
use crate::Visibility;

#[tokio::test]
async fn a_delete_that_overtakes_its_create_wins() {
    let (node, peer) = ana_follows_bob().await;
    let note = peer.note("bob", "/n/1");
    let delete =
        peer.activity("Delete", "bob", "/d/1", json!({"id": note["id"], "type": "Tombstone"}));
    node.apply(&delete).await;
    node.apply(&create(&peer, note)).await;
    assert_eq!(node.text(&peer.url("/n/1")).await, None);
}

#[tokio::test]
async fn a_post_is_cleaned_and_shown_to_followers() {
    let (node, peer) = ana_follows_bob().await;
    let mut note = peer.note("bob", "/n/1");
    note["content"] = json!(
        "<p onclick=\"x()\">hi<script>alert(1)</script><form action=\"/\"><input></form>\
         <img src=x onerror=alert(1)><a href=\"javascript:alert(1)\">x</a></p>"
    );
    note["summary"] = json!("<b>careful</b>");
    node.apply(&create(&peer, note)).await;
    let html = node.text(&peer.url("/n/1")).await.unwrap();
    assert!(html.contains("hi"), "{html}");
    for bad in ["onclick", "<script", "<form", "<input", "<img", "javascript:", "onerror"] {
        assert!(!html.contains(bad), "{html}");
    }
    assert_eq!(node.count("SELECT count(*) FROM social.home_entry").await, 1);
}

#[tokio::test]
async fn unbounded_fields_are_capped() {
    let (node, peer) = ana_follows_bob().await;
    let mut note = peer.note("bob", "/n/1");
    note["content"] = json!("x".repeat(300_000));
    note["summary"] = json!("s".repeat(100_000));
    note["tag"] =
        (0..1_000).map(|n| json!({"type": "Hashtag", "name": format!("#t{n}")})).collect();
    note["attachment"] =
        (0..100).map(|n| json!({"type": "Image", "url": peer.url(&format!("/{n}.png"))})).collect();
    node.apply(&create(&peer, note)).await;
    let text = node.text(&peer.url("/n/1")).await.unwrap();
    assert!(text.len() <= 210_000, "{}", text.len());
    assert!(node.count("SELECT count(*) FROM social.post_tag").await <= 64);
    assert!(node.count("SELECT count(*) FROM social.media").await <= 16);
    let longest = "SELECT max(length(spoiler_text))::bigint FROM social.post";
    assert!(node.count(longest).await <= 2_048);
}

#[tokio::test]
async fn what_nobody_here_asked_for_is_not_kept() {
    let node = Node::start().await;
    let peer = Peer::start().await;
    peer.add_actor("bob", Key::First);
    node.add_account("ana", false).await;
    node.apply(&create(&peer, peer.note("bob", "/n/1"))).await;
    assert_eq!(node.text(&peer.url("/n/1")).await, None);
    let mut note = peer.note("bob", "/n/2");
    note["tag"] = json!([{"type": "Mention", "href": to_ana(), "name": "@ana"}]);
    node.apply(&create(&peer, note)).await;
    assert!(node.text(&peer.url("/n/2")).await.is_some());
    let mentions = "SELECT count(*) FROM social.notification WHERE kind = 'mention'";
    assert_eq!(node.count(mentions).await, 1);
}

#[tokio::test]
async fn a_direct_post_is_direct() {
    let (node, peer) = ana_follows_bob().await;
    let mut note = peer.note("bob", "/n/1");
    note["to"] = json!([to_ana()]);
    note["cc"] = json!([]);
    node.apply(&create(&peer, note)).await;
    let direct = "SELECT count(*) FROM social.post WHERE visibility = 3";
    assert_eq!(node.count(direct).await, 1);
    assert_eq!(node.count("SELECT count(*) FROM social.post_mention WHERE silent").await, 1);
}

#[tokio::test]
async fn a_post_that_comes_to_somebodys_own_inbox_is_for_him_whoever_it_names() {
    let (node, peer) = ana_follows_bob().await;
    node.add_account("eva", false).await;
    let deliver = async |name: &str, activity: &Value| {
        let request = node.request(activity, &node.signing(activity));
        let to = InboxTarget::Personal(name.to_owned());
        let receipt = node.social.receive(InboxRequest { to, ..request }).await.unwrap();
        node.running.settle().await;
        receipt
    };
    let readers = "SELECT count(*) FROM social.post_mention WHERE silent";
    let home = "SELECT count(*) FROM social.home_entry";
    let posts = "SELECT count(*) FROM social.post";
    let silent = |path: &str, to: Value| {
        let mut note = peer.note("bob", path);
        (note["to"], note["cc"]) = (to.clone(), json!([]));
        let mut activity = create(&peer, note);
        activity["to"] = to;
        activity
    };
    let direct = silent("/n/1", json!([]));
    // A stranger to its author, and then a follower.
    assert_eq!(deliver("eva", &direct).await, Receipt::Accepted);
    assert_eq!((node.count(readers).await, node.count(home).await), (1, 0));
    assert_eq!(deliver("ana", &direct).await, Receipt::Accepted);
    assert_eq!((node.count(readers).await, node.count(home).await), (2, 1));
    for name in ["eva", "ana"] {
        assert_eq!(deliver(name, &direct).await, Receipt::Duplicate, "{name}");
    }
    assert_eq!((node.count(readers).await, node.count(posts).await), (2, 1));
    // What is for followers: those see it anyway.
    let followers = silent("/n/2", json!([format!("{}/followers", peer.user("bob"))]));
    assert_eq!(node.receive(&followers).await.unwrap(), Receipt::Accepted);
    node.running.settle().await;
    assert_eq!((node.count(readers).await, node.count(home).await), (2, 2));
    deliver("ana", &followers).await;
    assert_eq!(node.count(readers).await, 2);
    deliver("eva", &followers).await;
    assert_eq!((node.count(readers).await, node.count(home).await), (3, 2));
    // Of somebody whom nobody here follows only what came to an inbox of one's own.
    peer.add_actor("dora", Key::First);
    let mut note = peer.note("dora", "/n/4");
    (note["to"], note["cc"]) = (json!([]), json!([]));
    let mut strange = peer.activity("Create", "dora", "/c/4", note);
    strange["to"] = json!([]);
    assert_eq!(deliver("eva", &strange).await, Receipt::Accepted);
    assert!(node.text(&peer.url("/n/4")).await.is_some());
    assert_eq!(node.count(readers).await, 4);
    // What is for everyone is the same thing in every inbox.
    let public = create(&peer, peer.note("bob", "/n/3"));
    assert_eq!(deliver("ana", &public).await, Receipt::Accepted);
    assert_eq!(deliver("eva", &public).await, Receipt::Duplicate);
}

#[tokio::test]
async fn a_post_whose_activity_alone_says_whom_it_is_for_is_for_them() {
    let (node, peer) = ana_follows_bob().await;
    let mut note = peer.note("bob", "/n/1");
    let members = note.as_object_mut().unwrap();
    members.remove("to");
    members.remove("cc");
    let mut activity = create(&peer, note.clone());
    activity["cc"] = json!([to_ana()]);
    node.apply(&activity).await;
    let public = "SELECT count(*) FROM social.post WHERE visibility = 0";
    assert_eq!(node.count(public).await, 1);
    let addressed = "SELECT count(*) FROM social.post_mention";
    assert_eq!(node.count(addressed).await, 1);
    // The same note, changed, for one more.
    node.add_account("eva", false).await;
    note["content"] = json!("<p>changed</p>");
    note["updated"] = json!(node.social.spine().clock().now().to_rfc3339());
    let mut update = peer.activity("Update", "bob", "/u/1", note);
    update["cc"] = json!([to_ana(), node.user("eva")]);
    node.apply(&update).await;
    assert_eq!(node.count(addressed).await, 2);
}

#[tokio::test]
async fn an_edit_keeps_the_earlier_version() {
    let (node, peer) = ana_follows_bob().await;
    let mut note = peer.note("bob", "/n/1");
    node.apply(&create(&peer, note.clone())).await;
    note["content"] = json!("<p>changed</p>");
    note["updated"] = json!(node.social.spine().clock().now().to_rfc3339());
    node.apply(&peer.activity("Update", "bob", "/u/1", note)).await;
    assert_eq!(node.text(&peer.url("/n/1")).await.as_deref(), Some("<p>changed</p>"));
    assert_eq!(node.count("SELECT count(*) FROM social.post_edit").await, 1);
}

#[tokio::test]
async fn a_changed_profile_is_taken_over() {
    let (node, peer) = ana_follows_bob().await;
    let mut bob = peer.add_actor("bob", Key::First);
    bob["name"] = json!("Bob the Builder");
    node.apply(&peer.activity("Update", "bob", "/u/1", bob)).await;
    let named = "SELECT count(*) FROM social.account WHERE display_name = 'Bob the Builder'";
    assert_eq!(node.count(named).await, 1);
}

#[tokio::test]
async fn likes_and_boosts_are_counted_and_taken_back() {
    let (node, peer) = ana_follows_bob().await;
    let ana = node.account(&node.user("ana")).await.unwrap().id;
    let (_, uri) = node.add_post("ana", ana, Visibility::Public).await;
    let like = peer.activity("Like", "bob", "/l/1", json!(uri));
    let boost = peer.activity("Announce", "bob", "/b/1", json!(uri));
    node.apply(&like).await;
    node.apply(&boost).await;
    let counted = "SELECT favourites_count * 10 + boosts_count FROM social.post WHERE local";
    assert_eq!(node.count(counted).await, 11);
    assert_eq!(node.count("SELECT count(*) FROM social.notification").await, 2);
    node.apply(&peer.activity("Undo", "bob", "/x/1", like)).await;
    node.apply(&peer.activity("Undo", "bob", "/x/2", json!(peer.url("/b/1")))).await;
    assert_eq!(node.count(counted).await, 0);
}

#[tokio::test]
async fn an_undo_that_overtakes_wins() {
    let (node, peer) = ana_follows_bob().await;
    let ana = node.account(&node.user("ana")).await.unwrap().id;
    let (_, uri) = node.add_post("ana", ana, Visibility::Public).await;
    let like = peer.activity("Like", "bob", "/l/1", json!(uri));
    node.apply(&peer.activity("Undo", "bob", "/x/1", like.clone())).await;
    node.apply(&like).await;
    assert_eq!(node.count("SELECT count(*) FROM social.favourite").await, 0);
}

#[tokio::test]
async fn a_private_post_cannot_be_liked_or_boosted_by_strangers() {
    let (node, peer) = ana_follows_bob().await;
    let ana = node.account(&node.user("ana")).await.unwrap().id;
    let (_, uri) = node.add_post("ana", ana, Visibility::Private).await;
    node.apply(&peer.activity("Like", "bob", "/l/1", json!(uri))).await;
    node.apply(&peer.activity("Announce", "bob", "/b/1", json!(uri))).await;
    assert_eq!(node.count("SELECT count(*) FROM social.favourite").await, 0);
    assert_eq!(node.count("SELECT count(*) FROM social.post").await, 1);
}

#[tokio::test]
async fn a_boost_of_an_unknown_post_reads_it() {
    let (node, peer) = ana_follows_bob().await;
    let other = Peer::start().await;
    other.add_actor("carol", Key::Second);
    other.serve(&other.note("carol", "/n/1"));
    node.apply(&peer.activity("Announce", "bob", "/b/1", json!(other.url("/n/1")))).await;
    assert!(node.text(&other.url("/n/1")).await.is_some());
    // The boost comes home, what it boosts does not come alone.
    assert_eq!(node.count("SELECT count(*) FROM social.home_entry").await, 1);
}

#[tokio::test]
async fn what_a_group_says_was_changed_or_deleted_is_read_from_its_own_id() {
    let (node, peer) = ana_follows_bob().await;
    let other = Peer::start().await;
    other.add_actor("carol", Key::Second);
    let mut note = other.note("carol", "/n/1");
    other.serve(&note);
    let pass_on = async |path: &str, kind: &str, object: Value| {
        let inner = json!({"id": other.url(path), "type": kind, "actor": other.user("carol"),
                           "object": object});
        node.apply(&peer.activity("Announce", "bob", path, inner)).await;
        node.text(&other.url("/n/1")).await
    };
    assert_eq!(pass_on("/b/1", "Create", note.clone()).await.as_deref(), Some("<p>by carol</p>"));
    note["content"] = json!("<p>changed</p>");
    note["updated"] = json!(node.social.spine().clock().now().to_rfc3339());
    other.serve(&note);
    note["content"] = json!("<p>forged</p>");
    assert_eq!(pass_on("/b/2", "Update", note.clone()).await.as_deref(), Some("<p>changed</p>"));
    // Where its own host still has it, nobody else deletes it.
    let id = note["id"].clone();
    assert_eq!(pass_on("/b/3", "Delete", id.clone()).await.as_deref(), Some("<p>changed</p>"));
    // Nobody here follows eve: she makes us ask nobody.
    other.asked();
    peer.add_actor("eve", Key::First);
    let inner = json!({"id": other.url("/b/5"), "type": "Update", "actor": other.user("carol"),
                       "object": note});
    node.apply(&peer.activity("Announce", "eve", "/b/5", inner)).await;
    assert_eq!(other.asked(), Vec::<String>::new());
    other.serve_at("/n/1", 410, &json!({}));
    assert_eq!(pass_on("/b/4", "Delete", id).await, None);
}

/// A poll of ana's: tea or coffee.
async fn poll_of_ana(node: &Node, visibility: Visibility) -> String {
    let ana = node.account(&node.user("ana")).await.unwrap().id;
    let spine = node.social.spine();
    let now = spine.clock().now();
    let id = crate::PostId(spine.snowflakes().next());
    let uri = format!("{}/statuses/{id}", node.user("ana"));
    let mut question = crate::write::posts::StoredPost::new(id, &uri, ana, visibility, now);
    question.local = true;
    question.kind = "Question".to_owned();
    question.poll = Some(crate::write::posts::StoredPoll {
        id: crate::PollId(spine.snowflakes().next()),
        options: ["tea", "coffee"]
            .map(|title| crate::write::posts::PollOption {
                title: title.to_owned(),
                votes_count: 0,
            })
            .to_vec(),
        multiple: false,
        hide_totals: false,
        ends_at: Some(now + chrono::Duration::hours(1)),
        voters_count: 0,
    });
    node.insert(question).await;
    uri
}

/// Bob chooses.
fn vote(peer: &Peer, question: &str, number: usize, name: &str) -> Value {
    let vote = json!({
        "id": peer.url(&format!("/v/{number}")), "type": "Note", "name": name,
        "attributedTo": peer.user("bob"), "inReplyTo": question, "to": [to_ana()],
    });
    create(peer, vote)
}

#[tokio::test]
async fn votes_count_in_our_polls() {
    let (node, peer) = ana_follows_bob().await;
    let uri = poll_of_ana(&node, Visibility::Public).await;
    for (number, name) in ["coffee", "tea", "milk"].into_iter().enumerate() {
        node.apply(&vote(&peer, &uri, number, name)).await;
    }
    let coffee = "SELECT votes_count FROM social.poll_option WHERE title = 'coffee'";
    assert_eq!(node.count(coffee).await, 1);
    assert_eq!(node.count("SELECT count(*) FROM social.poll_vote").await, 1);
    assert_eq!(node.count("SELECT count(*) FROM social.post").await, 1);
}

#[tokio::test]
async fn only_those_who_may_see_a_poll_and_are_welcome_vote_in_it() {
    let (node, peer) = ana_follows_bob().await;
    let ana = node.account(&node.user("ana")).await.unwrap().id;
    let bob = node.account(&peer.user("bob")).await.unwrap().id;
    let votes = "SELECT count(*) FROM social.poll_vote";
    let private = poll_of_ana(&node, Visibility::Private).await;
    node.apply(&vote(&peer, &private, 1, "tea")).await;
    assert_eq!(node.count(votes).await, 0, "he does not follow");
    node.follow(bob, ana, &peer.url("/f/1")).await;
    node.apply(&vote(&peer, &private, 2, "tea")).await;
    assert_eq!(node.count(votes).await, 1);
    let public = poll_of_ana(&node, Visibility::Public).await;
    node.social.block(ana, bob).await.unwrap();
    node.apply(&vote(&peer, &public, 3, "tea")).await;
    assert_eq!(node.count(votes).await, 1, "he is blocked");
}

#[tokio::test]
async fn pinned_posts_follow_add_and_remove() {
    let (node, peer) = ana_follows_bob().await;
    node.apply(&create(&peer, peer.note("bob", "/n/1"))).await;
    let mut add = peer.activity("Add", "bob", "/a/1", json!(peer.url("/n/1")));
    add["target"] = json!(format!("{}/featured", peer.user("bob")));
    node.apply(&add).await;
    assert_eq!(node.count("SELECT count(*) FROM social.pin").await, 1);
    let mut remove = peer.activity("Remove", "bob", "/a/2", json!(peer.url("/n/1")));
    remove["target"] = add["target"].clone();
    node.apply(&remove).await;
    assert_eq!(node.count("SELECT count(*) FROM social.pin").await, 0);
}
