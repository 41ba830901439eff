//! The inbox against a server that plays the rest of the fediverse. One test a rule.

mod again;
mod applying;
mod authority;
mod away;
mod erasing;
mod forwarded;
mod inbox;
mod keeping;
mod relations;
mod signers;
mod threads;
mod together;
mod tombstones;

use serde_json::{Value, json};
use spine::{Clock, Problem};

use super::{InboxRefusal, InboxRequest, InboxTarget, MAX_BODY, Receipt};
use crate::remote::peer::{Key, Node, Peer};

/// A node with a user `ana` who follows `bob` of a peer.
async fn ana_follows_bob() -> (Node, Peer) {
    ana_follows_bob_on(Clock::system()).await
}

/// The same on this clock.
async fn ana_follows_bob_on(clock: Clock) -> (Node, Peer) {
    let node = Node::start_on(clock).await;
    let peer = Peer::start().await;
    peer.add_actor("bob", Key::First);
    let ana = node.add_account("ana", false).await;
    node.follow_remote(ana, &peer.user("bob")).await;
    peer.asked();
    (node, peer)
}

/// A clock that is moved by hand.
fn by_hand() -> Clock {
    Clock::manual(Clock::system().now())
}

/// The status that a refusal is answered with.
fn status(refusal: InboxRefusal) -> u16 {
    Problem::from(refusal).status().as_u16()
}

/// What bob says to everyone.
fn create(peer: &Peer, note: Value) -> Value {
    let id: url::Url = note["id"].as_str().unwrap().parse().unwrap();
    peer.activity("Create", "bob", &format!("{}/create", id.path()), note)
}

fn to_ana() -> Value {
    json!("http://127.0.0.1:9/users/ana")
}
