//! The same against an ActivityPub server that nobody here wrote (apkit, on Python), and what a
//! hostile one may try.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{Client, Node, Peer, eventually};

struct Stage {
    node: Node,
    ada: Client,
    peer: Peer,
    inbox: String,
    actor: String,
}

/// A node with Ada on it, and the peer; each follows the other.
async fn stage() -> Stage {
    let (node, peer) = tokio::join!(Node::start(), Peer::start());
    let ada = node.person("ada").await;
    let stage = Stage {
        inbox: format!("{}/inbox", node.origin()),
        actor: format!("{}/users/ada", node.origin()),
        node,
        ada,
        peer,
    };
    let follow = stage.peer.activity("Follow", &stage.actor.as_str().into());
    assert_eq!(stage.peer.deliver(&stage.inbox, &follow, &json!({})).await.0, 202);
    stage.peer.expect("Accept", |accept| accept["object"]["id"] == follow["id"]).await;
    let found = stage.ada.find(&stage.peer.handle()).await;
    let path = format!("/api/v1/accounts/{}/follow", found["id"].as_str().unwrap());
    stage.ada.post(&path, &json!({})).await.unwrap().ok();
    let asked = stage.peer.expect("Follow", |_| true).await;
    let accept = stage.peer.activity("Accept", &asked["activity"]);
    assert_eq!(stage.peer.deliver(&stage.inbox, &accept, &json!({})).await.0, 202);
    eventually("the follow to be accepted", || async {
        let path = format!("/api/v1/accounts/relationships?id[]={}", found["id"].as_str()?);
        let answer = stage.ada.get(&path).await.ok()?.json;
        (answer[0]["following"] == true && answer[0]["followed_by"] == true).then_some(())
    })
    .await;
    stage
}

impl Stage {
    /// The home timeline's post with this id.
    async fn home(&self, uri: &Value) -> Value {
        eventually(&format!("{uri} in the home timeline"), || async {
            let home = self.ada.get("/api/v1/timelines/home").await.ok()?.json;
            home.as_array()?.iter().find(|status| status["uri"] == *uri).cloned()
        })
        .await
    }

    /// Whether the home timeline holds a text, now that everything before was applied: a marker
    /// post sent afterwards has arrived.
    async fn home_holds(&self, text: &str) -> bool {
        let marker = self.peer.note(&json!({ "content": "<p>marker</p>" })).await;
        let create = self.peer.activity("Create", &marker);
        assert_eq!(self.peer.deliver(&self.inbox, &create, &json!({})).await.0, 202);
        self.home(&marker["id"]).await;
        let home = self.ada.get("/api/v1/timelines/home").await.unwrap().ok();
        home.to_string().contains(text)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_reactions_edits_and_deletes_go_both_ways() {
    let stage = stage().await;
    let (ada, peer) = (&stage.ada, &stage.peer);

    let post = ada.publish("Hello, other implementation").await;
    let create = peer.expect("Create", |create| create["object"]["id"] == post["uri"]).await;
    assert_eq!(create["form"], "draft");
    for (kind, field) in [("Like", "favourites_count"), ("Announce", "reblogs_count")] {
        let activity = peer.activity(kind, &post["uri"]);
        assert_eq!(peer.deliver(&stage.inbox, &activity, &json!({})).await.0, 202);
        eventually(kind, || async {
            let path = format!("/api/v1/statuses/{}", post["id"].as_str()?);
            (ada.get(&path).await.ok()?.json[field] == 1).then_some(())
        })
        .await;
    }

    let order =
        json!({ "content": "<p>Noodles<script>alert(1)</script></p>", "in_reply_to": post["uri"] });
    let mut note = peer.note(&order).await;
    let create = peer.activity("Create", &note);
    assert_eq!(peer.deliver(&stage.inbox, &create, &json!({ "form": "rfc9421" })).await.0, 202);
    let arrived = stage.home(&note["id"]).await;
    assert_eq!(arrived["in_reply_to_id"], post["id"]);
    assert!(!arrived["content"].as_str().unwrap().contains("script"));

    note["content"] = "<p>Rather soup</p>".into();
    note["updated"] =
        chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).to_rfc3339().into();
    let update = peer.activity("Update", &note);
    assert_eq!(peer.deliver(&stage.inbox, &update, &json!({})).await.0, 202);
    eventually("the edit", || async {
        let path = format!("/api/v1/statuses/{}", arrived["id"].as_str()?);
        ada.get(&path).await.ok()?.json["content"].as_str()?.contains("soup").then_some(())
    })
    .await;

    let delete = peer.activity("Delete", &json!({ "id": note["id"], "type": "Tombstone" }));
    assert_eq!(peer.deliver(&stage.inbox, &delete, &json!({})).await.0, 202);
    eventually("the deletion", || async {
        let path = format!("/api/v1/statuses/{}", arrived["id"].as_str()?);
        (ada.get(&path).await.ok()?.status == 404).then_some(())
    })
    .await;

    let path = format!("/api/v1/statuses/{}", post["id"].as_str().unwrap());
    ada.put(&path, &json!({ "status": "Hello, edited" })).await.unwrap().ok();
    peer.expect("Update", |update| update["object"]["id"] == post["uri"]).await;
    ada.delete(&path).await.unwrap().ok();
    peer.expect("Delete", |delete| delete["object"]["id"] == post["uri"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_signature_a_tampered_body_and_a_weak_one_change_nothing() {
    let stage = stage().await;
    let peer = &stage.peer;
    let attempts = [
        ("draft", json!({ "wrong_key": true })),
        ("draft", json!({ "tamper": ["forged", "FORGED"] })),
        ("draft", json!({ "date": "Sun, 06 Nov 1994 08:49:37 GMT" })),
        ("rfc9421", json!({ "wrong_key": true })),
        ("rfc9421", json!({ "tamper": ["forged", "FORGED"] })),
        ("rfc9421", json!({ "weak": true })),
    ];
    for (form, mut order) in attempts {
        order["form"] = form.into();
        let note = peer.note(&json!({ "content": "<p>forged</p>" })).await;
        let create = peer.activity("Create", &note);
        let (status, body) = peer.deliver(&stage.inbox, &create, &order).await;
        assert_eq!(status, 401, "{order}: {body}");
        let problem: Value = serde_json::from_str(&body).expect("a problem document");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
    }
    assert!(!stage.home_holds("forged").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_accepted_and_applied_once() {
    let stage = stage().await;
    let note = stage.peer.note(&json!({ "content": "<p>once</p>" })).await;
    let create = stage.peer.activity("Create", &note);
    for _ in 0..3 {
        assert_eq!(stage.peer.deliver(&stage.inbox, &create, &json!({})).await.0, 202);
    }
    stage.home(&note["id"]).await;
    assert!(stage.home_holds("once").await);
    let database = stage.node.database().await;
    let events: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM spine.event WHERE type = 'social.PostStored.v1' AND subject = $1",
    )
    .bind(note["id"].as_str().unwrap())
    .fetch_one(&database)
    .await
    .unwrap();
    assert_eq!(events, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_the_other_signature_gets_it_and_is_remembered() {
    let stage = stage().await;
    stage.peer.set(&json!({ "accepts": ["rfc9421"] })).await;
    let first = stage.ada.publish("Knock, knock").await;
    let got = stage.peer.expect("Create", |got| got["object"]["id"] == first["uri"]).await;
    assert_eq!(got["form"], "rfc9421");
    let second = stage.ada.publish("Who is there?").await;
    stage.peer.expect("Create", |got| got["object"]["id"] == second["uri"]).await;
    let refused = Client::anonymous(&stage.peer.origin())
        .get("/control/received")
        .await
        .unwrap()
        .ok()["refused"]
        .clone();
    assert_eq!(refused, 1, "the second delivery must come in the remembered form at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_tried_again_when_the_server_asks_for_time() {
    let stage = stage().await;
    let again = json!({ "fail_next": [{ "status": 503, "headers": { "retry-after": "1" } }] });
    stage.peer.set(&again).await;
    let post = stage.ada.publish("Patience").await;
    // Whoever asks for a second gets half a minute.
    let patience = Duration::from_secs(90);
    let is_it = |got: &Value| got["object"]["id"] == post["uri"];
    stage.peer.expect_within(patience, "Create", is_it).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_acts_for_somebody_else() {
    let stage = stage().await;
    let (peer, node) = (&stage.peer, &stage.node);
    let post = stage.ada.publish("Mine").await;
    // The peer signs an activity whose actor is Ada.
    let forged = json!({
        "id": format!("{}/activities/forged", peer.origin()),
        "type": "Delete",
        "actor": stage.actor,
        "object": post["uri"],
    });
    assert!(peer.deliver(&stage.inbox, &forged, &json!({})).await.0 >= 400);
    // The peer deletes, as itself, what is not its own.
    let delete = peer.activity("Delete", &post["uri"]);
    peer.deliver(&stage.inbox, &delete, &json!({})).await;
    // The peer posts in the name of an actor of Ada's node.
    let mut note = peer.note(&json!({ "content": "<p>impostor</p>" })).await;
    note["attributedTo"] = stage.actor.clone().into();
    note["id"] = format!("{}/users/ada/statuses/1", node.origin()).into();
    let create = peer.activity("Create", &note);
    peer.deliver(&stage.inbox, &create, &json!({})).await;
    assert!(!stage.home_holds("impostor").await);
    let path = format!("/api/v1/statuses/{}", post["id"].as_str().unwrap());
    assert_eq!(stage.ada.get(&path).await.unwrap().status, 200);
}
