//! Edges of sources, which follow what the sources say.

use contracts::model::Target;
use serde_json::{Value, json};

use crate::support::{Stage, alias, contact, draft, edge, key, stage};

async fn around(stage: &Stage, id: &Value, query: &str) -> Vec<String> {
    let found = stage.get(&format!("/entities/{}/neighbours?{query}", id.as_str().unwrap())).await;
    let mut names: Vec<String> = found["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["entity"]["data"]["name"].as_str().unwrap_or("?").to_owned())
        .collect();
    names.sort();
    names
}

fn event(attendees: &[&str]) -> contracts::model::EntityDraft {
    let mut event = draft("connector:c", "event", "1", "Event", json!({ "name": "Dinner" }));
    event.edges = attendees
        .iter()
        .map(|address| edge("attendee", Target::Alias(alias("email", address))))
        .collect();
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_to_somebody_unknown_waits_until_he_appears() {
    let stage = stage().await;
    stage.write(vec![event(&["ada@example.org", "bob@example.org"])]).await;
    let dinner = stage.one("type=Event").await["id"].clone();
    assert!(around(&stage, &dinner, "").await.is_empty());

    let mut ada = contact("1", "Ada");
    ada.aliases = vec![alias("email", "ada@example.org")];
    stage.write(vec![ada.clone()]).await;
    assert_eq!(around(&stage, &dinner, "").await, ["Ada"]);
    assert_eq!(around(&stage, &dinner, "rel=organizer").await, [""; 0]);

    // The event says the same again: nothing is drawn twice.
    stage.write(vec![event(&["ada@example.org", "bob@example.org"])]).await;
    let mut other = event(&["ada@example.org", "bob@example.org"]);
    other.data.insert("location".to_owned(), json!("home"));
    stage.write(vec![other]).await;
    let edges = stage.get(&format!("/entities/{}/neighbours", dinner.as_str().unwrap())).await;
    assert_eq!(edges["edges"].as_array().unwrap().len(), 1);

    // Somebody in another space is not meant.
    let mut bob = contact("2", "Bob");
    bob.space = "person:1".parse().unwrap();
    bob.aliases = vec![alias("email", "bob@example.org")];
    stage.write(vec![bob]).await;
    assert_eq!(around(&stage, &dinner, "").await, ["Ada"]);

    stage.write(vec![event(&["bob@example.org"])]).await;
    assert!(around(&stage, &dinner, "").await.is_empty(), "she is not invited any more");
    let kinds = stage.events().await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "EdgeChanged").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_to_a_key_leads_there_as_soon_as_it_is_known() {
    let stage = stage().await;
    let mut entry = draft("connector:f", "entry", "1", "Article", json!({ "name": "News" }));
    entry.edges = vec![edge("isPartOf", Target::Key(key("connector:f", "feed", "f")))];
    stage.write(vec![entry]).await;
    let news = stage.one("type=Article").await["id"].clone();
    assert!(around(&stage, &news, "").await.is_empty());
    assert!(stage.list("type=DataFeed").await.is_empty(), "nothing empty is shown");
    stage
        .write(vec![draft("connector:f", "feed", "f", "DataFeed", json!({ "name": "Feed" }))])
        .await;
    assert_eq!(around(&stage, &news, "direction=out&rel=isPartOf").await, ["Feed"]);
    assert!(around(&stage, &news, "direction=in").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_are_found_to_a_depth_and_only_where_the_asker_may_see() {
    let stage = stage().await;
    let chain = |n: u32, space: &str| {
        let mut one = contact(&n.to_string(), &format!("P{n}"));
        one.space = space.parse().unwrap();
        one.edges =
            vec![edge("knows", Target::Key(key("connector:a", "contact", &(n + 1).to_string())))];
        one
    };
    let mut people: Vec<_> = (0..6).map(|n| chain(n, "household")).collect();
    // What is Bob's own hides what lies behind it from Ada.
    people[3] = chain(3, "person:2");
    stage.write(people).await;
    let all = stage.list("type=Person").await;
    let first = all.iter().find(|one| one["data"]["name"] == "P0").unwrap()["id"].clone();
    assert_eq!(around(&stage, &first, "depth=1").await, ["P1"]);
    assert_eq!(around(&stage, &first, "depth=4").await, ["P1", "P2"]);
    let path = format!("/entities/{}/neighbours?depth=4", first.as_str().unwrap());
    let bob = contracts::access::Caller::person(crate::support::BOB);
    let (_, seen) = stage.call_as(bob, "GET", &path, None).await;
    let depths: Vec<u64> = seen["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["depth"].as_u64().unwrap())
        .collect();
    assert_eq!(depths, [1, 2, 3, 4]);
    let (status, _) = stage.call("GET", &format!("{path}0"), None).await;
    assert_eq!(status, 422);
    let few = stage
        .get(&format!("/entities/{}/neighbours?depth=4&limit=1", first.as_str().unwrap()))
        .await;
    assert_eq!(few["truncated"], true);
    assert_eq!(few["entities"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_draws_an_edge_and_ends_it() {
    let stage = stage().await;
    let mut hidden = contact("3", "Hidden");
    hidden.space = "person:2".parse().unwrap();
    stage.write(vec![contact("1", "Ada"), contact("2", "Charles"), hidden]).await;
    let all = stage.list("type=Person").await;
    let id = |name: &str| all.iter().find(|one| one["data"]["name"] == name).unwrap()["id"].clone();
    let (ada, charles) = (id("Ada"), id("Charles"));
    let body = json!({ "from": ada, "rel": "knows", "to": charles, "confidence": 0.5 });
    let (status, made) = stage.call("POST", "/edges", Some(body)).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(around(&stage, &charles, "").await, ["Ada"]);
    let path = format!("/edges/{}", made["id"].as_str().unwrap());
    assert_eq!(stage.get(&path).await["provenance"][0]["provenance"]["by"], "person:1");
    assert_eq!(stage.call("DELETE", &path, None).await.0, 204);
    assert_eq!(stage.call("DELETE", &path, None).await.0, 404);
    assert!(around(&stage, &charles, "").await.is_empty());

    let bob = contracts::access::Caller::person(crate::support::BOB);
    let hidden =
        stage.call_as(bob, "GET", "/entities?space=person:2", None).await.1["items"][0]["id"]
            .clone();
    for (to, status) in [(hidden, 404), (json!(uuid::Uuid::nil()), 404), (ada.clone(), 422)] {
        let body = json!({ "from": ada, "rel": "knows", "to": to });
        assert_eq!(stage.call("POST", "/edges", Some(body)).await.0, status);
    }
    let body = json!({ "from": ada, "rel": "no spaces", "to": charles });
    assert_eq!(stage.call("POST", "/edges", Some(body)).await.0, 422);
}
