//! What other servers get to see.

use activitypub::signature::{self, SignatureForm};
use http::{HeaderMap, Method};
use serde_json::Value;
use url::Url;

use super::{Document, FetchRequest, Part};
use crate::remote::peer::{Key, Node, Peer};
use crate::write::posts::DeletedPost;
use crate::{AccountId, PostId, Visibility};

async fn node_with_ana() -> (Node, AccountId) {
    let node = Node::start().await;
    let ana = node.add_account("ana", false).await;
    (node, ana)
}

fn items(page: &Value) -> Vec<Value> {
    page["orderedItems"].as_array().or(page["items"].as_array()).cloned().unwrap_or_default()
}

/// The part that a page's address names.
fn part_of(address: &str) -> Part {
    let address = Url::parse(address).unwrap();
    let value = |name: &str| {
        address.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    Part::from_query(value("page").as_deref(), value("after").as_deref())
}

const FIRST: Part = Part::Page { after: None };

#[tokio::test]
async fn a_private_post_is_in_no_outbox_and_no_document() {
    let (node, ana) = node_with_ana().await;
    let social = &node.social;
    let (public, _) = node.add_post("ana", ana, Visibility::Public).await;
    let (unlisted, _) = node.add_post("ana", ana, Visibility::Unlisted).await;
    let mut hidden = Vec::new();
    for visibility in [Visibility::Private, Visibility::Direct] {
        hidden.push(node.add_post("ana", ana, visibility).await.0);
    }
    let outbox = social.outbox("ana", FIRST).await.unwrap().unwrap();
    let shown: Vec<Value> =
        items(&outbox).iter().map(|item| item["object"]["id"].clone()).collect();
    let uri = |id: PostId| Value::from(format!("{}/statuses/{id}", node.user("ana")));
    assert_eq!(shown, [uri(unlisted), uri(public)]);
    assert_eq!(social.outbox("ana", Part::Whole).await.unwrap().unwrap()["totalItems"], 2);
    for id in hidden {
        for requester in [None, Some("http://127.0.0.1:1/users/bob")] {
            assert_eq!(social.post_document("ana", id, requester).await.unwrap(), None);
            assert_eq!(social.activity_document("ana", id, requester).await.unwrap(), None);
            let replies = social.replies_collection("ana", id, Part::Whole, requester).await;
            assert_eq!(replies.unwrap(), None);
        }
    }
    let found = social.post_document("ana", public, None).await.unwrap();
    assert!(matches!(found, Some(Document::Here(note)) if note["type"] == "Note"));
    assert_eq!(social.post_document("eve", public, None).await.unwrap(), None);
}

fn headers(peer: &Peer, name: &str, key: Key, url: &Url) -> HeaderMap {
    let key = peer.actor_key(name, key);
    let now = spine::Clock::system().now();
    signature::sign(SignatureForm::Cavage, &key, &Method::GET, url, None, now).unwrap()
}

#[tokio::test]
async fn a_private_post_is_given_to_a_follower_who_signs() {
    let (node, ana) = node_with_ana().await;
    let peer = Peer::start().await;
    peer.add_actor("bob", Key::First);
    peer.add_actor("eve", Key::Second);
    let mut accounts = Vec::new();
    for name in ["bob", "eve"] {
        let id = Url::parse(&peer.user(name)).unwrap();
        accounts.push(node.social.remote_account(&id).await.unwrap().id);
    }
    node.follow(accounts[0], ana, &peer.url("/f/1")).await;
    let (id, uri) = node.add_post("ana", ana, Visibility::Private).await;
    let target_uri = Url::parse(&uri).unwrap();
    for (name, key, sees) in [
        ("bob", Key::First, true),
        ("eve", Key::Second, false),
        ("bob", Key::Second, false),
        ("nobody", Key::First, false),
    ] {
        let headers = headers(&peer, name, key, &target_uri);
        let request =
            FetchRequest { method: &Method::GET, target_uri: &target_uri, headers: &headers };
        let requester = node.social.verify_fetch(&request).await.unwrap();
        let found = node.social.post_document("ana", id, requester.as_deref()).await.unwrap();
        assert_eq!(found.is_some(), sees, "{name} {key:?}");
    }
    node.block("127.0.0.1").await;
    let headers = headers(&peer, "bob", Key::First, &target_uri);
    let request = FetchRequest { method: &Method::GET, target_uri: &target_uri, headers: &headers };
    assert!(node.social.verify_fetch(&request).await.is_err());
}

#[tokio::test]
async fn a_deleted_post_is_gone() {
    let (node, ana) = node_with_ana().await;
    let (id, uri) = node.add_post("ana", ana, Visibility::Public).await;
    assert!(node.social.post_document("ana", id, None).await.unwrap().is_some());
    let mut tx = node.social.spine().begin(spine::Cause::system()).await.unwrap();
    let post = DeletedPost { post: id, cause: spine::Cause::system() };
    crate::write::posts::delete(&node.social, &mut tx, &[post]).await.unwrap();
    tx.commit().await.unwrap();
    node.running.settle().await;
    // The news of a change reaches the cache with the bus.
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(5);
    loop {
        match node.social.post_document("ana", id, None).await.unwrap() {
            Some(Document::Gone(tombstone)) => {
                assert_eq!(tombstone["id"], uri);
                assert_eq!(tombstone["type"], "Tombstone");
                break;
            }
            _ if tokio::time::Instant::now() > deadline => panic!("it is still shown"),
            _ => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
}

#[tokio::test]
async fn an_actor_has_keys_inboxes_and_collections() {
    let (node, _) = node_with_ana().await;
    let actor = node.social.actor_document("ANA").await.unwrap().unwrap().into_value();
    assert_eq!(actor["id"], node.user("ana"));
    assert_eq!(actor["type"], "Person");
    assert_eq!(actor["publicKey"]["id"], format!("{}#main-key", node.user("ana")));
    assert!(actor["publicKey"]["publicKeyPem"].as_str().unwrap().contains("PUBLIC KEY"));
    assert_eq!(actor["endpoints"]["sharedInbox"], "http://127.0.0.1:9/inbox");
    assert!(node.social.actor_document("nobody").await.unwrap().is_none());
    let instance = node.social.instance_actor().await.unwrap().unwrap();
    assert_eq!(instance["type"], "Application");
    assert_eq!(instance["id"], "http://127.0.0.1:9/actor");
}

#[tokio::test]
async fn webfinger_knows_handles_and_addresses() {
    let (node, _) = node_with_ana().await;
    let social = &node.social;
    for resource in [
        "acct:ana@127.0.0.1:9",
        "acct:Ana@127.0.0.1:9",
        "http://127.0.0.1:9/users/ana",
        "http://127.0.0.1:9/@ana",
    ] {
        let found = social.webfinger(resource).await.unwrap().unwrap();
        assert_eq!(found["subject"], "acct:ana@127.0.0.1:9", "{resource}");
    }
    for resource in ["acct:ana@other.example", "acct:bob@127.0.0.1:9", "ana", "", "acct:@"] {
        assert!(social.webfinger(resource).await.unwrap().is_none(), "{resource}");
    }
}

#[tokio::test]
async fn hidden_people_are_only_counted() {
    let (node, ana) = node_with_ana().await;
    let bea = node.add_account("bea", false).await;
    node.follow(bea, ana, "http://127.0.0.1:9/f/1").await;
    let social = &node.social;
    let page = social.followers_collection("ana", FIRST).await.unwrap().unwrap();
    assert_eq!(items(&page), [Value::from(node.user("bea"))]);
    let page = social.following_collection("bea", FIRST).await.unwrap().unwrap();
    assert_eq!(items(&page), [Value::from(node.user("ana"))]);
    sqlx::query!("UPDATE social.account SET hide_collections = true")
        .execute(social.spine().pool())
        .await
        .unwrap();
    let whole = social.followers_collection("ana", Part::Whole).await.unwrap().unwrap();
    assert_eq!(whole["totalItems"], 1);
    assert!(whole.get("first").is_none());
    assert!(social.followers_collection("ana", FIRST).await.unwrap().is_none());
}

#[tokio::test]
async fn pages_lead_to_the_end() {
    let (node, ana) = node_with_ana().await;
    for _ in 0..45 {
        node.add_post("ana", ana, Visibility::Public).await;
    }
    let mut seen = Vec::new();
    let mut part = FIRST;
    loop {
        let page = node.social.outbox("ana", part).await.unwrap().unwrap();
        seen.extend(items(&page).iter().map(|item| item["id"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        part = part_of(next);
    }
    assert_eq!(seen.len(), 45);
    seen.sort_by_key(Value::to_string);
    seen.dedup();
    assert_eq!(seen.len(), 45);
}

#[tokio::test]
async fn a_post_brings_its_replies_as_a_collection_whose_pages_agree() {
    let (node, ana) = node_with_ana().await;
    let (id, uri) = node.add_post("ana", ana, Visibility::Public).await;
    let mut answers = Vec::new();
    for _ in 0..60 {
        let spine = node.social.spine();
        let id = PostId(spine.snowflakes().next());
        let answer = format!("{}/statuses/{id}", node.user("ana"));
        let now = spine.clock().now();
        let mut post =
            crate::write::posts::StoredPost::new(id, &answer, ana, Visibility::Public, now);
        post.local = true;
        post.reply_to = crate::write::posts::ReplyTo::Uri(uri.clone());
        node.insert(post).await;
        answers.push(Value::from(answer));
    }
    let Some(Document::Here(note)) = node.social.post_document("ana", id, None).await.unwrap()
    else {
        panic!("it is not there");
    };
    let replies = &note["replies"];
    assert_eq!(replies["type"], "Collection");
    assert_eq!(replies["first"]["type"], "CollectionPage");
    assert_eq!(replies["first"]["partOf"], replies["id"]);
    let whole = node.social.replies_collection("ana", id, Part::Whole, None).await.unwrap();
    let whole = whole.unwrap();
    assert_eq!((&whole["id"], &whole["type"]), (&replies["id"], &replies["type"]));
    assert_eq!(whole["first"], replies["first"]["next"]);
    let (mut next, mut seen) = (whole["first"].clone(), Vec::new());
    while let Some(address) = next.as_str() {
        let part = part_of(address);
        let page = node.social.replies_collection("ana", id, part, None).await.unwrap().unwrap();
        assert_eq!((&page["id"], &page["partOf"]), (&next, &replies["id"]));
        assert_eq!(page["type"], "CollectionPage");
        assert!(!items(&page).is_empty());
        seen.extend(items(&page));
        next = page["next"].clone();
    }
    assert_eq!(seen, answers);
}

#[tokio::test]
async fn nodeinfo_counts_people_and_posts() {
    let (node, ana) = node_with_ana().await;
    node.add_post("ana", ana, Visibility::Public).await;
    for version in ["2.0", "2.1"] {
        let info = node.social.nodeinfo(version).await.unwrap().unwrap();
        assert_eq!(info["usage"]["users"]["total"], 1);
        assert_eq!(info["usage"]["localPosts"], 1);
        assert_eq!(info["version"], version);
    }
    assert!(node.social.nodeinfo("1.0").await.unwrap().is_none());
    assert!(node.social.host_meta().contains("/.well-known/webfinger?resource={uri}"));
    assert_eq!(node.social.nodeinfo_discovery()["links"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn accounts_and_posts_are_found_by_what_people_paste() {
    let (node, ana) = node_with_ana().await;
    let social = &node.social;
    let peer = Peer::start().await;
    peer.add_actor("bob", Key::First);
    peer.serve(&peer.note("bob", "/n/1"));
    let handle = format!("@bob@{}", peer.domain());
    let bob = social.resolve_handle(&handle).await.unwrap().unwrap();
    node.running.settle().await;
    peer.asked();
    assert_eq!(social.resolve_handle(&handle).await.unwrap(), Some(bob));
    let found = social.resolve_uri(&peer.user("bob")).await.unwrap();
    assert_eq!(found, Some(crate::Resolved::Account(bob)));
    assert_eq!(peer.asked(), Vec::<String>::new());
    let post = social.resolve_uri(&peer.url("/n/1")).await.unwrap();
    assert!(matches!(post, Some(crate::Resolved::Post(_))));
    assert_eq!(social.resolve_uri(&peer.url("/nothing")).await.unwrap(), None);
    assert_eq!(social.resolve_handle("ana").await.unwrap(), Some(ana));
    assert_eq!(social.resolve_handle("@ana@127.0.0.1:9").await.unwrap(), Some(ana));
    let page = social.resolve_uri("http://127.0.0.1:9/@ana").await.unwrap();
    assert_eq!(page, Some(crate::Resolved::Account(ana)));
    for odd in ["", "@", "nobody", "a b@c", "http://127.0.0.1:9/x", "javascript:alert(1)"] {
        assert_eq!(social.resolve_handle(odd).await.unwrap(), None, "{odd}");
        assert_eq!(social.resolve_uri(odd).await.unwrap(), None, "{odd}");
    }
}
