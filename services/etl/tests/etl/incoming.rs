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

#[tokio::test]
async fn what_says_that_something_is_gone_keeps_no_content() {
    let stage = stage().await;
    stage.receive(vec![record("ms-graph.contact/1", "c1", &contact("Ada"))]).await;
    for detail in ["first", "second"] {
        let mut end = gone("ms-graph.contact/1", "c1");
        end.payload = json!({ "@removed": detail, "displayName": "Ada" }).to_string();
        stage.receive(vec![end]).await;
    }
    assert_eq!(stage.drafts().await.len(), 2, "it is gone once");
    assert_eq!(stage.count("SELECT count(*) FROM etl.record WHERE deleted AND size = 0").await, 1);
    assert_eq!(stage.count("SELECT count(*) FROM etl.record WHERE deleted").await, 1);
}

#[tokio::test]
async fn what_is_gone_goes_although_no_mapping_takes_its_kind_any_more() {
    let stage = stage().await;
    stage.receive(vec![gone("planet.orbit/2", "p1")]).await;
    let end = stage.drafts().await.remove(0);
    assert_eq!(
        (end.operation, &*end.key.kind, &*end.key.external_id),
        (Operation::Delete, "planet.orbit", "p1")
    );
    assert_eq!(stage.get("/records").await["items"][0]["state"], "mapped");
}

#[tokio::test]
async fn events_that_are_delivered_again_leave_nothing_waiting() {
    let stage = stage().await;
    for name in ["Ada", "Ada Lovelace"] {
        stage.receive(vec![record("ms-graph.contact/1", "c1", &contact(name))]).await;
    }
    let before = stage.drafts().await.len();
    spine::bus::replay(&stage.test.spine, "etl.incoming", spine::bus::ReplayRange::All)
        .await
        .unwrap();
    stage.becomes("SELECT EXISTS (SELECT FROM spine.replay WHERE finished_at IS NOT NULL)").await;
    stage.running.settle().await;
    assert_eq!(stage.drafts().await.len(), before, "what was ordered is not ordered again");
    let newest = stage.get("/records?state=mapped").await;
    let newest: Vec<_> =
        newest["items"].as_array().unwrap().iter().filter(|item| item["newest"] == true).collect();
    assert_eq!(newest.len(), 1);
    let path = format!("/records/{}", newest[0]["id"].as_str().unwrap());
    assert_eq!(stage.get(&path).await["payload"], contact("Ada Lovelace").to_string());
}

#[tokio::test]
async fn a_record_whose_id_can_be_none_becomes_nothing_in_the_history_either() {
    let stage = stage().await;
    let unusable = ["", "a\nb", "unusable:x"];
    let records = unusable.map(|id| record("ms-graph.contact/1", id, &contact("Ada")));
    stage.receive(records.to_vec()).await;
    stage.call("POST", "/mappings/ms-graph.contact/rerun", None).await;
    stage.running.settle().await;
    assert!(stage.drafts().await.is_empty());
    let refused = stage.get("/records?state=refused").await;
    assert_eq!(refused["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_time_that_nothing_can_keep_holds_up_no_record() {
    let stage = stage().await;
    let mut early = record("ms-graph.contact/1", "early", &contact("Ada"));
    early.source_time = Some(chrono::DateTime::<chrono::Utc>::MIN_UTC);
    let mut late = record("ms-graph.contact/1", "late", &contact("Bob"));
    late.source_time = Some(chrono::DateTime::<chrono::Utc>::MAX_UTC);
    let far = "-262143-01-01T00:00:00";
    let event =
        json!({ "subject": "x", "start": { "dateTime": far, "timeZone": "Samoa Standard Time" } });
    stage.receive(vec![early, late, record("ms-graph.event/1", "e", &event)]).await;
    let drafts = stage.drafts().await;
    assert_eq!(drafts.len(), 3);
    assert!(drafts.iter().all(|draft| draft.provenance.source_time.is_none()));
}
