//! Who is let in, and at what cost.

use activitypub::signature::SignatureForm;
use bytes::Bytes;
use chrono::Duration;
use spine::Cause;

use super::*;
use crate::remote::posts::Wanted;

#[tokio::test]
async fn both_forms_of_signature_are_accepted() {
    let (node, peer) = ana_follows_bob().await;
    for (number, form) in [SignatureForm::Cavage, SignatureForm::Rfc9421].into_iter().enumerate() {
        let note = peer.note("bob", &format!("/n/{number}"));
        let activity = create(&peer, note.clone());
        let signing = crate::remote::peer::Signing { form, ..node.signing(&activity) };
        let receipt = node.receive_signed(&activity, &signing).await.unwrap();
        assert_eq!(receipt, Receipt::Accepted);
        node.running.settle().await;
        assert!(node.text(note["id"].as_str().unwrap()).await.is_some());
    }
    assert_eq!(peer.asked(), Vec::<String>::new(), "the key was known");
}

#[tokio::test]
async fn an_unknown_actor_is_read_once_for_its_key() {
    let node = Node::start().await;
    let peer = Peer::start().await;
    peer.add_actor("bob", Key::First);
    node.add_account("ana", false).await;
    let follow = peer.activity("Follow", "bob", "/f/1", to_ana());
    node.apply(&follow).await;
    assert_eq!(peer.asked(), ["/users/bob", "/.well-known/webfinger"]);
    assert_eq!(node.count("SELECT count(*) FROM social.follow WHERE accepted").await, 1);
}

#[tokio::test]
async fn a_wrong_signature_is_refused_and_costs_one_fetch() {
    let (node, peer) = ana_follows_bob().await;
    let activity = create(&peer, peer.note("bob", "/n/1"));
    let wrong = crate::remote::peer::Signing { key: Key::Second, ..node.signing(&activity) };
    for _ in 0..3 {
        let refusal = node.receive_signed(&activity, &wrong).await.unwrap_err();
        assert_eq!(status(refusal), 401);
    }
    let fetches = peer.asked().into_iter().filter(|path| path == "/users/bob").count();
    assert_eq!(fetches, 1);
    node.running.settle().await;
    assert_eq!(node.count("SELECT count(*) FROM social.post").await, 0);
}

#[tokio::test]
async fn a_changed_key_is_read_again() {
    let (node, peer) = ana_follows_bob().await;
    peer.add_actor("bob", Key::Second);
    let note = peer.note("bob", "/n/1");
    let activity = create(&peer, note.clone());
    let new = crate::remote::peer::Signing { key: Key::Second, ..node.signing(&activity) };
    assert_eq!(node.receive_signed(&activity, &new).await.unwrap(), Receipt::Accepted);
    node.running.settle().await;
    assert!(node.text(note["id"].as_str().unwrap()).await.is_some());
}

#[tokio::test]
async fn a_tampered_body_is_refused() {
    let (node, peer) = ana_follows_bob().await;
    let activity = create(&peer, peer.note("bob", "/n/1"));
    for form in [SignatureForm::Cavage, SignatureForm::Rfc9421] {
        let signing = crate::remote::peer::Signing { form, ..node.signing(&activity) };
        let mut request = node.request(&activity, &signing);
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        request.body = Bytes::from(body.replace("by bob", "by eve"));
        let refusal = node.social.receive(request).await.unwrap_err();
        assert_eq!(status(refusal), 401);
    }
}

#[tokio::test]
async fn another_method_or_address_than_signed_is_refused() {
    let (node, peer) = ana_follows_bob().await;
    let activity = create(&peer, peer.note("bob", "/n/1"));
    let mut request = node.request(&activity, &node.signing(&activity));
    request.target_uri = "http://127.0.0.1:9/users/ana/inbox".parse().unwrap();
    assert_eq!(status(node.social.receive(request).await.unwrap_err()), 401);
}

#[tokio::test]
async fn a_stale_date_is_refused() {
    let (node, peer) = ana_follows_bob().await;
    let activity = create(&peer, peer.note("bob", "/n/1"));
    for hours in [-3, 3] {
        let mut signing = node.signing(&activity);
        signing.time += Duration::hours(hours);
        let refusal = node.receive_signed(&activity, &signing).await.unwrap_err();
        assert_eq!(status(refusal), 401);
    }
}

#[tokio::test]
async fn an_unsigned_request_is_refused() {
    let (node, peer) = ana_follows_bob().await;
    let activity = create(&peer, peer.note("bob", "/n/1"));
    let mut request = node.request(&activity, &node.signing(&activity));
    request.headers.remove("signature");
    assert_eq!(status(node.social.receive(request).await.unwrap_err()), 401);
}

#[tokio::test]
async fn a_replay_is_accepted_and_changes_nothing() {
    let (node, peer) = ana_follows_bob().await;
    let mut note = peer.note("bob", "/n/1");
    note["tag"] = json!([{"type": "Mention", "href": to_ana(), "name": "@ana"}]);
    let activity = create(&peer, note);
    let request = node.request(&activity, &node.signing(&activity));
    assert_eq!(node.social.receive(request.clone()).await.unwrap(), Receipt::Accepted);
    node.running.settle().await;
    let events = "SELECT count(*) FROM spine.event WHERE type = 'federation.ActivityReceived.v1'";
    assert_eq!(node.social.receive(request.clone()).await.unwrap(), Receipt::Duplicate);
    // A process that does not remember asks the database.
    let other = node.another().await;
    assert_eq!(other.receive(request).await.unwrap(), Receipt::Duplicate);
    node.running.settle().await;
    assert_eq!(node.count("SELECT count(*) FROM social.notification").await, 1);
    assert_eq!(node.count(events).await, 1);
}

#[tokio::test]
async fn what_an_unknown_actor_says_of_itself_is_accepted_without_a_fetch() {
    let node = Node::start().await;
    let peer = Peer::start().await;
    for number in 0..20 {
        let name = format!("gone{number}");
        let id = peer.user(&name);
        for (kind, object) in [("Delete", json!(id)), ("Update", json!({"id": id}))] {
            let activity = peer.activity(kind, &name, &format!("/{kind}/{number}"), object);
            assert_eq!(node.receive(&activity).await.unwrap(), Receipt::Ignored);
        }
    }
    assert_eq!(peer.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn whoever_writes_to_us_is_written_to_again() {
    let (node, peer) = ana_follows_bob().await;
    let (ana, bob) = (node.user("ana"), peer.user("bob"));
    let (ana, bob) = (node.account(&ana).await.unwrap().id, node.account(&bob).await.unwrap().id);
    node.follow(bob, ana, &peer.url("/f/1")).await;
    node.running.settle().await;
    peer.delivered();
    node.give_up(peer.domain()).await;
    let publish = async |text: &str| {
        let new = crate::commands::NewPost { text: text.to_owned(), ..Default::default() };
        node.social.publish_post(ana, new).await.unwrap();
        node.running.settle().await;
        peer.delivered()
    };
    assert_eq!(publish("nobody there?").await, Vec::<String>::new());
    let note = create(&peer, peer.note("bob", "/n/1"));
    let forged = crate::remote::peer::Signing { key: Key::Second, ..node.signing(&note) };
    assert!(node.receive_signed(&note, &forged).await.is_err());
    assert_eq!(publish("is that you?").await, Vec::<String>::new(), "anybody can claim that");
    node.apply(&note).await;
    assert_eq!(publish("there you are").await, ["Create"]);
}

#[tokio::test]
async fn a_blocked_host_is_never_fetched() {
    let (node, peer) = ana_follows_bob().await;
    let bad = Peer::start().await;
    bad.add_actor("eve", Key::First);
    let secret = bad.note("eve", "/n/1");
    bad.serve(&secret);
    node.block(bad.domain()).await;

    let activity = bad.activity("Create", "eve", "/c/1", secret);
    assert_eq!(status(node.receive(&activity).await.unwrap_err()), 403);
    let boost = peer.activity("Announce", "bob", "/b/1", json!(bad.url("/n/1")));
    assert_eq!(status(node.receive(&boost).await.unwrap_err()), 403);
    let mut borrowed = create(&peer, peer.note("bob", "/n/2"));
    borrowed["object"]["attributedTo"] = json!(bad.user("eve"));
    assert_eq!(status(node.receive(&borrowed).await.unwrap_err()), 403);
    let other_key = crate::remote::peer::Signing {
        key_id: format!("{}#main-key", bad.user("eve")),
        ..node.signing(&create(&peer, peer.note("bob", "/n/3")))
    };
    let activity = create(&peer, peer.note("bob", "/n/3"));
    assert_eq!(status(node.receive_signed(&activity, &other_key).await.unwrap_err()), 403);
    assert!(node.social.resolve_uri(&bad.url("/n/1")).await.unwrap().is_none());
    let handle = format!("@eve@{}", bad.domain());
    assert!(node.social.resolve_handle(&handle).await.unwrap().is_none());
    node.running.settle().await;
    assert_eq!(bad.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_blocked_domain_covers_actors_who_live_elsewhere() {
    let (node, peer) = ana_follows_bob().await;
    node.rename_domain(&peer.user("bob"), "handle.example").await;
    let waiting = create(&peer, peer.note("bob", "/n/1"));
    let pause = spine::work::admin::Pausable::Lane(spine::Lane::Interactive);
    spine::work::admin::pause(node.social.spine(), &pause).await.unwrap();
    assert_eq!(node.receive(&waiting).await.unwrap(), Receipt::Accepted);
    node.block("handle.example").await;
    let late = create(&peer, peer.note("bob", "/n/2"));
    assert_eq!(status(node.receive(&late).await.unwrap_err()), 403);
    spine::work::admin::resume(node.social.spine(), &pause).await.unwrap();
    node.running.settle().await;
    assert_eq!(node.text(&peer.url("/n/1")).await, None, "it came before, and is applied after");
    peer.serve(&peer.note("bob", "/n/3"));
    let read = node.social.resolve_uri(&peer.url("/n/3")).await.unwrap();
    assert_eq!(read, None);
}

#[tokio::test]
async fn a_redirect_to_a_blocked_host_is_not_followed() {
    let node = Node::start().await;
    let (peer, bad) = (Peer::start().await, Peer::start().await);
    bad.serve(&bad.note("eve", "/n/1"));
    for path in ["/before", "/after"] {
        peer.redirect(path, &bad.url("/n/1"));
    }
    let read = async |path: &str| {
        let id = peer.url(path).parse().unwrap();
        let read = node.social.remote_post(&id, Wanted::CONTEXT, Cause::system()).await;
        assert!(read.is_err(), "a post is only what its own id says");
    };
    read("/before").await;
    assert_eq!(bad.asked()[..1], ["/n/1"], "other redirects are followed");
    node.block(bad.domain()).await;
    read("/after").await;
    assert_eq!(peer.asked(), ["/before", "/after"]);
    assert_eq!(bad.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_too_large_or_no_activity_is_refused() {
    let (node, peer) = ana_follows_bob().await;
    let activity = create(&peer, peer.note("bob", "/n/1"));
    let mut request = node.request(&activity, &node.signing(&activity));
    request.body = Bytes::from(vec![b' '; MAX_BODY + 1]);
    assert_eq!(status(node.social.receive(request.clone()).await.unwrap_err()), 413);
    for body in ["", "{", "[]", r#"{"type": "Create"}"#, r#"{"@graph": []}"#] {
        request.body = Bytes::from(body);
        let refusal = node.social.receive(request.clone()).await.unwrap_err();
        assert_eq!(status(refusal), 400, "{body}");
    }
}

#[tokio::test]
async fn only_those_who_are_here_have_an_inbox() {
    let (node, peer) = ana_follows_bob().await;
    let activity = create(&peer, peer.note("bob", "/n/1"));
    let request = InboxRequest {
        to: InboxTarget::Personal("nobody".to_owned()),
        ..node.request(&activity, &node.signing(&activity))
    };
    assert_eq!(status(node.social.receive(request.clone()).await.unwrap_err()), 404);
    let request = InboxRequest { to: InboxTarget::Personal("Ana".to_owned()), ..request };
    assert_eq!(node.social.receive(request).await.unwrap(), Receipt::Accepted);
}

#[tokio::test]
async fn an_actor_that_cannot_be_read_is_not_asked_again_at_once() {
    let node = Node::start().await;
    let peer = Peer::start().await;
    let follow = peer.activity("Follow", "nobody", "/f/1", to_ana());
    for _ in 0..3 {
        assert_eq!(status(node.receive(&follow).await.unwrap_err()), 401);
    }
    assert_eq!(peer.asked(), ["/users/nobody"]);
}

#[tokio::test]
async fn many_at_once_are_all_kept() {
    let (node, peer) = ana_follows_bob().await;
    let activities: Vec<_> =
        (0..200).map(|number| create(&peer, peer.note("bob", &format!("/n/{number}")))).collect();
    let requests = activities.iter().map(|activity| node.receive(activity));
    for receipt in futures_util::future::join_all(requests).await {
        assert_eq!(receipt.unwrap(), Receipt::Accepted);
    }
    node.running.settle().await;
    assert_eq!(node.count("SELECT count(*) FROM social.post").await, 200);
    assert_eq!(node.count("SELECT count(*) FROM social.home_entry").await, 200);
}
