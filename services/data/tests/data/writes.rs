//! What sources say becomes versions, once.

use contracts::model::Operation;
use serde_json::json;
use uuid::Uuid;

use crate::support::{contact, draft, stage};

#[tokio::test(flavor = "multi_thread")]
async fn saying_the_same_twice_makes_one_entity_and_one_event() {
    let stage = stage().await;
    let drafts = vec![contact("1", "Ada"), contact("2", "Bob"), contact("1", "Ada")];
    stage.write(drafts.clone()).await;
    stage.write(drafts).await;
    assert_eq!(stage.events().await, ["EntityCreated", "EntityCreated"]);
    let people = stage.list("type=Person").await;
    assert_eq!(people.len(), 2);
    assert!(people.iter().all(|person| person["version"] == 1));
    assert_eq!(stage.get("/entities/count?type=Person").await["count"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_revision_of_the_same_words_is_noted_without_a_version() {
    let stage = stage().await;
    let mut ada = contact("1", "Ada");
    ada.provenance.revision = Some("1".to_owned());
    stage.write(vec![ada.clone()]).await;
    ada.provenance.revision = Some("2".to_owned());
    stage.write(vec![ada]).await;
    assert_eq!(stage.events().await, ["EntityCreated"]);
    let id = stage.one("type=Person").await["id"].as_str().unwrap().to_owned();
    let history = stage.get(&format!("/entities/{id}/history")).await;
    assert_eq!(history["items"].as_array().unwrap().len(), 1);
    assert_eq!(history["items"][0]["provenance"][0]["provenance"]["revision"], "2");
    assert_eq!(history["items"][0]["provenance"][0]["key"]["external_id"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_closes_the_version_before_and_what_was_known_then_stays_readable() {
    let stage = stage().await;
    stage
        .write(vec![draft(
            "connector:a",
            "contact",
            "1",
            "Person",
            json!({ "name": "Ada", "email": "a@b" }),
        )])
        .await;
    let first = stage.now();
    stage.later(60);
    stage
        .write(vec![draft(
            "connector:a",
            "contact",
            "1",
            "Person",
            json!({ "name": "Ada L.", "telephone": "1" }),
        )])
        .await;
    let second = stage.now();
    stage.later(60);
    let mut gone = contact("1", "");
    gone.operation = Operation::Delete;
    stage.write(vec![gone.clone()]).await;
    stage.write(vec![gone]).await;

    let events = stage.payloads().await;
    let kinds: Vec<&str> = events.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["EntityCreated", "EntityChanged", "EntityDeleted"]);
    assert_eq!(events[1].1["changed"], json!(["email", "name", "telephone"]));
    assert_eq!(events[1].1["version"], 2);
    let id = events[0].1["entity"].as_str().unwrap().to_owned();

    let (status, _) = stage.call("GET", &format!("/entities/{id}"), None).await;
    assert_eq!(status, 404, "it holds no more");
    assert!(stage.list("type=Person").await.is_empty());
    let known = |time: chrono::DateTime<chrono::Utc>| {
        let time = time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        stage.get_owned(format!("/entities/{id}?as_known_on={time}"))
    };
    assert_eq!(known(first).await["data"]["name"], "Ada");
    assert_eq!(known(second - chrono::Duration::microseconds(1)).await["data"]["name"], "Ada");
    assert_eq!(known(second).await["data"]["name"], "Ada L.");
    let history = stage.get(&format!("/entities/{id}/history?limit=1")).await;
    assert_eq!(history["items"][0]["version"], 2);
    assert!(history["items"][0]["superseded_at"].is_string());
    let next = history["next"].as_str().unwrap();
    let history = stage.get(&format!("/entities/{id}/history?limit=1&cursor={next}")).await;
    assert_eq!(history["items"][0]["version"], 1);
    assert!(history.get("next").is_none());

    stage.write(vec![contact("1", "Ada again")]).await;
    let back = stage.get(&format!("/entities/{id}")).await;
    assert_eq!(back["version"], 3, "its source brought it back, under the same id");
    assert_eq!(stage.events().await.last().unwrap(), "EntityCreated");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_only_at_times_is_asked_for_by_the_day() {
    let stage = stage().await;
    let mut trip = draft("connector:a", "trip", "1", "Trip", json!({ "name": "Rome" }));
    trip.valid_from = Some("2026-05-01T00:00:00Z".parse().unwrap());
    trip.valid_to = Some("2026-05-08T00:00:00Z".parse().unwrap());
    stage.write(vec![trip]).await;
    let id = stage.one("type=Trip").await["id"].as_str().unwrap().to_owned();
    let on = |day: &str| format!("/entities/{id}?valid_on={day}T12:00:00Z");
    assert_eq!(stage.call("GET", &on("2026-05-03"), None).await.0, 200);
    assert_eq!(stage.call("GET", &on("2026-05-09"), None).await.0, 404);
    assert_eq!(stage.call("GET", &on("2026-04-30"), None).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_late_does_not_undo_what_came_after_it() {
    let stage = stage().await;
    let (early, late) = (Uuid::now_v7(), Uuid::now_v7());
    let mut new = contact("1", "new");
    new.provenance.event = Some(late);
    let mut old = contact("1", "old");
    old.provenance.event = Some(early);
    stage.write(vec![new]).await;
    stage.write(vec![old]).await;
    assert_eq!(stage.one("type=Person").await["data"]["name"], "new");
    assert_eq!(stage.events().await, ["EntityCreated"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_that_write_at_the_same_time_make_nothing_twice() {
    let stage = stage().await;
    let shared = || {
        let to = contracts::model::Target::Key(crate::support::key("connector:x", "org", "1"));
        crate::support::edge("worksFor", to)
    };
    for source in 0..8 {
        let mut draft = contact(&source.to_string(), &format!("Person {source}"));
        draft.key.source = format!("connector:{source}");
        draft.edges = vec![shared()];
        let mut again = draft.clone();
        again.data.insert("jobTitle".to_owned(), json!("again"));
        stage.order(vec![draft, again]).await;
    }
    stage
        .write(vec![draft("connector:x", "org", "1", "Organization", json!({ "name": "Org" }))])
        .await;
    let org = stage.one("type=Organization").await;
    let around = stage
        .get(&format!("/entities/{}/neighbours?direction=in", org["id"].as_str().unwrap()))
        .await;
    assert_eq!(around["entities"].as_array().unwrap().len(), 8);
    assert_eq!(stage.list("type=Person").await.len(), 8);
}
