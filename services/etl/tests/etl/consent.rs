//! What rests on a consent is mapped as long as it holds.

use contracts::events::policy::ConsentWithdrawn;
use contracts::model::Operation;
use serde_json::json;
use spine::Lane;
use spine::work::admin::{self, Pausable};
use uuid::Uuid;

use crate::support::{ADA, gone, record, stage};

#[tokio::test]
async fn what_rests_on_a_withdrawn_consent_is_mapped_no_more() {
    let stage = stage().await;
    let consent = Uuid::now_v7();
    let contact = |id: &str| record("ms-graph.contact/1", id, &json!({ "displayName": id }));
    let mut mapped = stage.event(vec![contact("mapped")]);
    mapped.consent = Some(consent);
    stage.happens(&mapped).await;
    assert_eq!(stage.drafts().await.len(), 1);

    // Some come in and wait; then it is withdrawn; then more come, and an end.
    let lane = Pausable::Lane(Lane::Background);
    admin::pause(&stage.test.spine, &lane).await.unwrap();
    stage
        .happens(&contracts::events::connectors::DataReceived {
            records: vec![contact("waits")],
            ..mapped.clone()
        })
        .await;
    stage.happens(&ConsentWithdrawn { consent, subject: ADA }).await;
    assert_eq!(stage.get("/records?state=waiting").await["items"].as_array().unwrap().len(), 0);
    admin::resume(&stage.test.spine, &lane).await.unwrap();
    stage
        .happens(&contracts::events::connectors::DataReceived {
            records: vec![contact("late"), gone("ms-graph.contact/1", "mapped")],
            ..mapped.clone()
        })
        .await;
    let drafts = stage.drafts().await;
    let last = drafts.last().unwrap();
    assert_eq!((drafts.len(), last.operation), (2, Operation::Delete), "what is gone goes");

    stage.call("POST", "/mappings/ms-graph.contact/rerun", None).await;
    stage.running.settle().await;
    assert_eq!(stage.drafts().await.len(), 2, "nor is the history");
    let refused = stage.get("/records?state=refused").await;
    let items = refused["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert!(items.iter().all(|one| one["reason"].as_str().unwrap().contains("withdrawn")));

    // Under another consent the account's records are mapped again.
    stage
        .happens(&contracts::events::connectors::DataReceived {
            records: Vec::new(),
            consent: Some(Uuid::now_v7()),
            ..mapped
        })
        .await;
    let mut ids: Vec<_> =
        stage.drafts().await.split_off(2).into_iter().map(|draft| draft.key.external_id).collect();
    ids.sort();
    assert_eq!(ids, ["late", "waits"]);
}

#[tokio::test]
async fn a_consent_that_ends_while_a_record_is_mapped_ends_that_too() {
    let stage = stage().await;
    let consent = Uuid::now_v7();
    let mut event =
        stage.event(vec![record("ms-graph.contact/1", "c1", &json!({ "displayName": "Ada" }))]);
    event.consent = Some(consent);
    // The job has read the record and waits for its turn to say what became of it.
    let mut turn = stage.test.spine.pool().begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('etl.mapping'))")
        .execute(&mut *turn)
        .await
        .unwrap();
    let mut tx = stage.test.spine.begin(spine::Cause::system()).await.unwrap();
    tx.record(&event).unwrap();
    tx.commit().await.unwrap();
    stage.becomes(crate::support::WAITS_FOR_ITS_TURN).await;
    sqlx::query("INSERT INTO etl.withdrawn_consent VALUES ($1, now())")
        .bind(consent)
        .execute(&mut *turn)
        .await
        .unwrap();
    sqlx::query("UPDATE etl.record SET state = 'refused'").execute(&mut *turn).await.unwrap();
    turn.commit().await.unwrap();
    stage.running.settle().await;
    assert!(stage.drafts().await.is_empty());
    assert_eq!(stage.count("SELECT count(*) FROM etl.record WHERE state = 'refused'").await, 1);
}
