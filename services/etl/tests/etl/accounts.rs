//! Records belong where their account brings them, also those that came before.

use contracts::access::SpaceId;
use serde_json::{Value, json};

use crate::support::{gone, record, stage};

#[tokio::test]
async fn all_that_an_account_brought_follows_it_although_the_source_tells_only_what_is_new() {
    let stage = stage().await;
    let person =
        |id: &str, name: &str| record("ms-graph.contact/1", id, &json!({ "displayName": name }));
    stage.receive(vec![person("c1", "A"), person("c2", "B"), person("c3", "C")]).await;
    stage.receive(vec![person("c1", "Ada"), gone("ms-graph.contact/1", "c3")]).await;
    let before = stage.drafts().await.len();

    let mut moved = stage.event(vec![person("c4", "D")]);
    moved.space = SpaceId::household();
    moved.labels = vec!["family".to_owned()];
    moved.consent = Some(uuid::Uuid::now_v7());
    stage.happens(&moved).await;

    let drafts = stage.drafts().await.split_off(before);
    let mut seen: Vec<(&str, &str, &str, bool)> = drafts
        .iter()
        .map(|d| {
            let name = d.data["name"].as_str().unwrap();
            (&*d.key.external_id, name, d.space.as_str(), d.provenance.consent == moved.consent)
        })
        .collect();
    seen.sort_unstable();
    let here = "household";
    assert_eq!(
        seen,
        [("c1", "Ada", here, true), ("c2", "B", here, true), ("c4", "D", here, true)],
        "once each, and nothing of what is gone"
    );
    assert!(drafts.iter().all(|draft| draft.labels == ["family"]));
    let elsewhere =
        "SELECT count(*) FROM etl.record WHERE space <> 'household' OR labels <> '{family}'";
    assert_eq!(stage.count(elsewhere).await, 0, "old contents and ends go along");
    assert_eq!(stage.count("SELECT count(*) FROM etl.record WHERE state = 'waiting'").await, 0);

    stage.happens(&moved).await;
    assert_eq!(stage.drafts().await.len(), before + 3, "it has moved already");
}

#[tokio::test]
async fn many_records_follow_in_parts_each_once() {
    let stage = stage().await;
    let records: Vec<_> = (0..1_234)
        .map(|n| record("ms-graph.contact/1", &n.to_string(), &json!({ "displayName": "Ada" })))
        .collect();
    stage.receive(records).await;
    let mut moved = stage.event(Vec::new());
    moved.space = SpaceId::household();
    stage.happens(&moved).await;
    let drafts = stage.drafts().await;
    let there = drafts.iter().filter(|draft| draft.space == SpaceId::household());
    let ids: std::collections::HashSet<_> = there.map(|draft| &draft.key.external_id).collect();
    assert_eq!((ids.len(), drafts.len()), (1_234, 2 * 1_234));
}

#[tokio::test]
async fn the_same_record_of_two_accounts_is_two_records() {
    let stage = stage().await;
    let contact = record("ms-graph.contact/1", "c1", &json!({ "displayName": "Ada" }));
    let mut other = stage.event(vec![contact.clone()]);
    other.account = uuid::Uuid::now_v7();
    other.space = SpaceId::household();
    stage.receive(vec![contact]).await;
    stage.happens(&other).await;
    stage.receive(vec![gone("ms-graph.contact/1", "c1")]).await;
    let drafts = stage.drafts().await;
    let ends: Vec<_> = drafts.iter().filter(|draft| draft.data.is_empty()).collect();
    assert_eq!((drafts.len(), ends.len()), (3, 1));
    assert_eq!(ends[0].key.source, format!("connector:{}", stage.account));
    let mine: Value = stage.get(&format!("/records?account={}", other.account)).await;
    assert_eq!(mine["items"][0]["operation"], "upsert");
}
