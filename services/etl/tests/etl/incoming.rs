//! Records that come in: kept once, mapped once.

use contracts::events::etl::RecordsRefused;
use contracts::model::Operation;
use serde_json::json;
use spine::Cause;

use crate::support::{gone, record, stage};

fn contact(name: &str) -> serde_json::Value {
    json!({ "displayName": name, "mobilePhone": "0664 1234567" })
}

#[tokio::test]
async fn what_comes_in_becomes_drafts_under_the_key_of_its_source() {
    let stage = stage().await;
    stage.receive(vec![record("ms-graph.contact/1", "c1", &contact("Ada"))]).await;
    let orders = stage.ordered().await;
    assert_eq!(orders.len(), 1);
    let source = format!("connector:{}", stage.account);
    assert_eq!(orders[0].source, source);
    let draft = &orders[0].entities[0];
    assert_eq!(
        (&*draft.key.source, &*draft.key.kind, &*draft.key.external_id),
        (&*source, "ms-graph.contact", "c1")
    );
    assert_eq!(
        (draft.space.as_str(), draft.labels.as_slice()),
        ("person:1", &["work".to_owned()][..])
    );
    let provenance = &draft.provenance;
    assert_eq!(provenance.by, "plugin:ms-graph");
    assert_eq!(provenance.revision.as_deref(), Some("r1"));
    assert_eq!(provenance.mapping.as_deref(), Some("ms-graph.contact@1"));
    assert!(provenance.event.is_some() && provenance.raw.as_ref().unwrap().len() == 64);

    let listed = stage.get("/records?kind=ms-graph.contact/1&state=mapped").await;
    assert_eq!(listed["items"][0]["drafts"], 1);
    assert_eq!(listed["items"][0]["hash"], json!(provenance.raw));
    let one = stage.get(&format!("/records/{}", listed["items"][0]["id"].as_str().unwrap())).await;
    assert_eq!(one["payload"], contact("Ada").to_string());
    let kept: Vec<u8> = sqlx::query_scalar("SELECT payload FROM etl.record")
        .fetch_one(stage.test.spine.pool())
        .await
        .unwrap();
    assert!(!kept.windows(3).any(|part| part == b"Ada"), "it is sealed");
}

#[tokio::test]
async fn the_same_event_twice_makes_one_jobs_worth_of_drafts() {
    let stage = stage().await;
    let event = stage.event(vec![
        record("ms-graph.contact/1", "c1", &contact("Ada")),
        record("ms-graph.contact/1", "c2", &contact("Bob")),
    ]);
    // Both in one delivery, then once more in one of its own.
    let mut tx = stage.test.spine.begin(Cause::system()).await.unwrap();
    tx.record(&event).unwrap();
    tx.record(&event).unwrap();
    tx.commit().await.unwrap();
    stage.running.settle().await;
    stage.happens(&event).await;
    assert_eq!(stage.drafts().await.len(), 2);
    assert_eq!(stage.processed().await, 1, "what is unchanged schedules nothing");
    assert_eq!(stage.count("SELECT count(*) FROM etl.record").await, 2);
}

#[tokio::test]
async fn a_changed_record_is_mapped_again_and_so_is_one_that_changes_back() {
    let stage = stage().await;
    for name in ["Ada", "Ada Lovelace", "Ada"] {
        stage.receive(vec![record("ms-graph.contact/1", "c1", &contact(name))]).await;
    }
    let names: Vec<_> =
        stage.drafts().await.into_iter().map(|draft| draft.data["name"].clone()).collect();
    assert_eq!(names, ["Ada", "Ada Lovelace", "Ada"]);
    assert_eq!(stage.count("SELECT count(*) FROM etl.record").await, 2, "each content once");
    assert_eq!(stage.count("SELECT count(*) FROM etl.record WHERE newest").await, 1);
}

#[tokio::test]
async fn of_several_contents_in_one_event_the_last_one_counts() {
    let stage = stage().await;
    let contents = ["A", "B", "A"].map(|name| record("ms-graph.contact/1", "c1", &contact(name)));
    stage.receive(contents.to_vec()).await;
    let drafts = stage.drafts().await;
    assert_eq!(drafts.len(), 1);
    assert_eq!(drafts[0].data["name"], "A");
    let states = stage.get("/records?state=superseded").await;
    assert_eq!(states["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_account_that_moves_takes_its_unchanged_records_along() {
    let stage = stage().await;
    let mut event = stage.event(vec![record("ms-graph.contact/1", "c1", &contact("Ada"))]);
    stage.happens(&event).await;
    event.space = contracts::access::SpaceId::household();
    stage.happens(&event).await;
    let drafts = stage.drafts().await;
    assert_eq!(drafts.len(), 2);
    assert_eq!(drafts[1].space.as_str(), "household");
}

#[tokio::test]
async fn what_is_gone_at_its_source_is_a_delete_of_the_records_own_entity() {
    let stage = stage().await;
    let message = json!({ "subject": "Hello", "conversationId": "k" });
    stage.receive(vec![record("ms-graph.message/1", "m1", &message)]).await;
    stage.receive(vec![gone("ms-graph.message/1", "m1")]).await;
    let drafts = stage.drafts().await;
    assert_eq!(drafts.len(), 3, "the message, its conversation, and the message's end");
    let end = &drafts[2];
    assert_eq!(
        (end.operation, &*end.key.kind, &*end.r#type),
        (Operation::Delete, "ms-graph.message", "EmailMessage")
    );
    assert!(end.data.is_empty() && end.provenance.raw.is_none());
    stage.receive(vec![gone("ms-graph.message/1", "m1")]).await;
    assert_eq!(stage.drafts().await.len(), 3, "it is gone already");
    stage.receive(vec![record("ms-graph.message/1", "m1", &message)]).await;
    assert_eq!(stage.drafts().await.len(), 5, "and comes back as it was");
}

#[tokio::test]
async fn a_malformed_record_is_refused_kept_and_listed_and_holds_up_no_other() {
    let stage = stage().await;
    let mut torn = record("ms-graph.contact/1", "c1", &json!(null));
    torn.payload = r#"{"displayName": "my secret"#.to_owned();
    let empty = record("ms-graph.contact/1", "c2", &json!({ "other": "my secret" }));
    let list = record("ms-graph.contact/1", "c3", &json!(["my secret"]));
    let unknown = record("planet.orbit/9", "p1", &json!({ "name": "my secret" }));
    let good = record("ms-graph.contact/1", "c4", &contact("Ada"));
    stage.receive(vec![torn.clone(), empty, list, unknown, good]).await;
    assert_eq!(stage.drafts().await.len(), 1);
    let refused = stage.get("/records?state=refused").await;
    assert_eq!(refused["items"].as_array().unwrap().len(), 4);
    for item in refused["items"].as_array().unwrap() {
        let reason = item["reason"].as_str().unwrap();
        assert!(!reason.contains("secret"), "{reason}");
        let kept = stage.get(&format!("/records/{}", item["id"].as_str().unwrap())).await;
        assert!(kept["payload"].as_str().unwrap().contains("my secret"));
    }
    let events = stage.heard::<RecordsRefused>(2).await;
    let mut counts: Vec<_> =
        events.iter().map(|event| (event.mapping.as_deref(), event.count)).collect();
    counts.sort_unstable();
    assert_eq!(counts, [(None, 1), (Some("ms-graph.contact@1"), 3)]);
    assert!(events.iter().all(|event| !event.reason.contains("secret")));
}
