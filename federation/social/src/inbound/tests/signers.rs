//! What reading signers costs, and what their hosts' failures mean.

use std::net::IpAddr;

use chrono::Duration;

use super::*;
use crate::remote::peer::Signing;

#[tokio::test]
async fn a_sender_whose_own_server_is_away_is_asked_to_come_again() {
    let clock = by_hand();
    let node = Node::start_on(clock.clone()).await;
    let peer = Peer::start().await;
    node.add_account("ana", false).await;
    peer.serve_at("/users/bob", 500, &json!({}));
    let follow = peer.activity("Follow", "bob", "/f/1", to_ana());
    for _ in 0..2 {
        let refusal = node.receive(&follow).await.unwrap_err();
        let InboxRefusal::SignerAway { after } = refusal else { panic!("{refusal}") };
        assert_eq!(after.as_secs(), 60);
        assert_eq!(status(refusal), 503);
    }
    assert_eq!(peer.asked(), ["/users/bob"]);
    peer.add_actor("bob", Key::First);
    clock.advance(Duration::seconds(61));
    assert_eq!(node.receive(&follow).await.unwrap(), Receipt::Accepted);
}

#[tokio::test]
async fn a_new_key_is_taken_as_soon_as_its_server_is_back() {
    let clock = by_hand();
    let (node, peer) = ana_follows_bob_on(clock.clone()).await;
    let activity = create(&peer, peer.note("bob", "/n/1"));
    let new = |node: &Node| Signing { key: Key::Second, ..node.signing(&activity) };
    peer.is_busy_at("/users/bob", 90);
    // What was read in this very moment is not read again.
    clock.advance(Duration::seconds(1));
    let refusal = node.receive_signed(&activity, &new(&node)).await.unwrap_err();
    assert_eq!(status(refusal), 503);
    peer.add_actor("bob", Key::Second);
    clock.advance(Duration::seconds(91));
    let receipt = node.receive_signed(&activity, &new(&node)).await.unwrap();
    assert_eq!(receipt, Receipt::Accepted);
}

/// Receives a Follow by somebody, from this client; the status of its answer.
async fn follow_from(node: &Node, peer: &Peer, name: &str, client: Option<IpAddr>) -> u16 {
    let follow = peer.activity("Follow", name, &format!("/f/{name}"), to_ana());
    let mut request = node.request(&follow, &node.signing(&follow));
    request.client = client;
    node.social.receive(request).await.map_or_else(status, |_| 202)
}

#[tokio::test]
async fn a_client_that_invents_signers_is_told_to_wait_and_costs_nothing_more() {
    let clock = by_hand();
    let (node, peer) = ana_follows_bob_on(clock.clone()).await;
    let client = |number: u8| Some(IpAddr::from([203, 0, 113, number]));
    for number in 0..20 {
        // Half of them are there, but did not sign.
        let name = format!("invented{number}");
        if number % 2 == 0 {
            peer.add_actor(&name, Key::Second);
        }
        let answer = follow_from(&node, &peer, &name, client(1)).await;
        assert_eq!(answer, if number < 10 { 401 } else { 429 }, "{number}");
        let fetches = peer.asked().iter().filter(|path| path.starts_with("/users/")).count();
        assert_eq!(fetches, usize::from(number < 10), "{number}");
    }
    peer.add_actor("carol", Key::First);
    assert_eq!(follow_from(&node, &peer, "carol", client(1)).await, 429);
    assert_eq!(follow_from(&node, &peer, "bob", client(1)).await, 202, "the known are not read");
    assert_eq!(follow_from(&node, &peer, "nobody", client(2)).await, 401);
    assert_eq!(follow_from(&node, &peer, "nobody2", None).await, 401);
    clock.advance(Duration::minutes(5));
    assert_eq!(follow_from(&node, &peer, "carol", client(1)).await, 202);
}
