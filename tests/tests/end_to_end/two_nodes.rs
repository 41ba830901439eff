//! Two nodes that follow, post, reply, like, boost, edit and delete across, each seen by the
//! other's client API and streams.

use serde_json::{Value, json};
use tests::{Client, Node, eventually};

/// The copy, on the client's node, of a post with this ActivityPub id.
async fn copy_of(client: &Client, uri: &Value) -> Value {
    let uri = uri.as_str().expect("an id").to_owned();
    eventually(&format!("{uri} in the home timeline"), || async {
        let home = client.get("/api/v1/timelines/home").await.ok()?.json;
        home.as_array()?.iter().find(|status| status["uri"] == uri.as_str()).cloned()
    })
    .await
}

async fn status(client: &Client, id: &Value) -> Option<Value> {
    let id = id.as_str().expect("an id");
    let answer = client.get(&format!("/api/v1/statuses/{id}")).await.ok()?;
    (answer.status == 200).then_some(answer.json)
}

async fn act(client: &Client, id: &Value, verb: &str) -> Value {
    let id = id.as_str().expect("an id");
    client.post(&format!("/api/v1/statuses/{id}/{verb}"), &json!({})).await.unwrap().ok()
}

/// Bob on `there` follows Ada on `here`; answers what Bob calls Ada.
async fn follow(here: &Node, ada: &Client, bob: &Client) -> Value {
    let handle = format!("@{}@{}", ada.me().await["username"].as_str().unwrap(), here.domain());
    let found = bob.find(&handle).await;
    let id = found["id"].as_str().unwrap().to_owned();
    bob.post(&format!("/api/v1/accounts/{id}/follow"), &json!({})).await.unwrap().ok();
    eventually("the follow to be accepted", || async {
        let path = format!("/api/v1/accounts/relationships?id[]={id}");
        let relationships = bob.get(&path).await.ok()?.json;
        (relationships[0]["following"] == true).then_some(())
    })
    .await;
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_its_edit_and_its_end_travel_to_a_follower_elsewhere() {
    let (here, there) = tokio::join!(Node::start(), Node::start());
    let (ada, bob) = tokio::join!(here.person("ada"), there.person("bob"));
    follow(&here, &ada, &bob).await;
    let mut stream = bob.stream("user").await;

    let post = ada.publish("Hello from #home").await;
    let uri = post["uri"].clone();
    let streamed = stream.expect("update", |status| status["uri"] == uri).await;
    assert_eq!(streamed["account"]["acct"], format!("ada@{}", here.domain()));
    let copy = copy_of(&bob, &uri).await;
    assert_eq!(copy["tags"][0]["name"], "home");
    assert_eq!(copy["visibility"], "public");

    let edit = json!({ "status": "Hello again from #home" });
    let path = format!("/api/v1/statuses/{}", post["id"].as_str().unwrap());
    ada.put(&path, &edit).await.unwrap().ok();
    let edited = stream.expect("status.update", |status| status["uri"] == uri).await;
    assert!(edited["content"].as_str().unwrap().contains("again"));
    assert!(edited["edited_at"].is_string());
    let history = format!("/api/v1/statuses/{}/history", copy["id"].as_str().unwrap());
    assert_eq!(bob.get(&history).await.unwrap().ok().as_array().unwrap().len(), 2);

    ada.delete(&path).await.unwrap().ok();
    stream.expect("delete", |id| *id == copy["id"]).await;
    assert!(status(&bob, &copy["id"]).await.is_none());
    let gone = ada.document(uri.as_str().unwrap()).await.unwrap();
    assert_eq!(gone.status, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_a_favourite_and_a_boost_come_back_as_notifications() {
    let (here, there) = tokio::join!(Node::start(), Node::start());
    let (ada, bob) = tokio::join!(here.person("ada"), there.person("bob"));
    follow(&here, &ada, &bob).await;
    let mut stream = ada.stream("user:notification").await;
    let post = ada.publish("What is for dinner?").await;
    let copy = copy_of(&bob, &post["uri"]).await;

    assert_eq!(act(&bob, &copy["id"], "favourite").await["favourited"], true);
    let liked = stream.expect("notification", |note| note["type"] == "favourite").await;
    assert_eq!(liked["status"]["id"], post["id"]);
    assert_eq!(liked["account"]["acct"], format!("bob@{}", there.domain()));

    assert_eq!(act(&bob, &copy["id"], "reblog").await["reblog"]["id"], copy["id"]);
    stream.expect("notification", |note| note["type"] == "reblog").await;

    let text = format!("@ada@{} Noodles", here.domain());
    let reply = json!({ "status": text, "in_reply_to_id": copy["id"] });
    bob.post("/api/v1/statuses", &reply).await.unwrap().ok();
    let mention = stream.expect("notification", |note| note["type"] == "mention").await;
    assert_eq!(mention["status"]["in_reply_to_id"], post["id"]);

    let mine = status(&ada, &post["id"]).await.unwrap();
    assert_eq!(mine["favourites_count"], 1);
    assert_eq!(mine["reblogs_count"], 1);
    assert_eq!(mine["replies_count"], 1);
    let path = format!("/api/v1/statuses/{}/context", post["id"].as_str().unwrap());
    let context = ada.get(&path).await.unwrap().ok();
    assert_eq!(context["descendants"].as_array().unwrap().len(), 1);

    act(&bob, &copy["id"], "unfavourite").await;
    act(&bob, &copy["id"], "unreblog").await;
    eventually("the favourite and the boost to be taken back", || async {
        let mine = status(&ada, &post["id"]).await?;
        (mine["favourites_count"] == 0 && mine["reblogs_count"] == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_for_followers_reaches_them_and_nobody_else() {
    let (here, there) = tokio::join!(Node::start(), Node::start());
    let (ada, bob, eve) =
        tokio::join!(here.person("ada"), there.person("bob"), there.person("eve"));
    follow(&here, &ada, &bob).await;
    let body = json!({ "status": "For friends", "visibility": "private" });
    let post = ada.post("/api/v1/statuses", &body).await.unwrap().ok();
    let copy = copy_of(&bob, &post["uri"]).await;
    assert_eq!(copy["visibility"], "private");
    assert!(status(&eve, &copy["id"]).await.is_none());
    let stranger = Client::anonymous(&here.origin());
    assert_eq!(stranger.document(post["uri"].as_str().unwrap()).await.unwrap().status, 404);
    let outbox = format!("{}/users/ada/outbox?page=true", here.origin());
    assert!(!stranger.document(&outbox).await.unwrap().text.contains("For friends"));
    let public = eve.get("/api/v1/timelines/public").await.unwrap().ok();
    assert!(!public.to_string().contains("For friends"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_is_counted_where_the_poll_lives() {
    let (here, there) = tokio::join!(Node::start(), Node::start());
    let (ada, bob) = tokio::join!(here.person("ada"), there.person("bob"));
    follow(&here, &ada, &bob).await;
    let body = json!({
        "status": "Where to?",
        "poll": { "options": ["Sea", "Mountains"], "expires_in": 3600 },
    });
    let post = ada.post("/api/v1/statuses", &body).await.unwrap().ok();
    let copy = copy_of(&bob, &post["uri"]).await;
    let path = format!("/api/v1/polls/{}/votes", copy["poll"]["id"].as_str().unwrap());
    let voted = bob.post(&path, &json!({ "choices": [1] })).await.unwrap().ok();
    assert_eq!(voted["own_votes"], json!([1]));
    eventually("the vote to arrive", || async {
        let poll = status(&ada, &post["id"]).await?["poll"].clone();
        (poll["options"][1]["votes_count"] == 1 && poll["voters_count"] == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blocking_ends_the_follow_and_hides_both_from_each_other() {
    let (here, there) = tokio::join!(Node::start(), Node::start());
    let (ada, bob) = tokio::join!(here.person("ada"), there.person("bob"));
    follow(&here, &ada, &bob).await;
    let bob_here = ada.find(&format!("@bob@{}", there.domain())).await;
    let path = format!("/api/v1/accounts/{}/block", bob_here["id"].as_str().unwrap());
    let relationship = ada.post(&path, &json!({})).await.unwrap().ok();
    assert_eq!(relationship["blocking"], true);
    assert_eq!(relationship["followed_by"], false);
    let ada_there = bob.find(&format!("@ada@{}", here.domain())).await;
    let path = format!("/api/v1/accounts/relationships?id[]={}", ada_there["id"].as_str().unwrap());
    eventually("the follow to end on the other side", || async {
        let relationships = bob.get(&path).await.ok()?.json;
        (relationships[0]["following"] == false).then_some(())
    })
    .await;
}
