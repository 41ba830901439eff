//! Who may not see what becomes of a record may not see the record.

use contracts::access::{Permitted, SpaceId};
use serde_json::{Value, json};

use crate::support::{ADA, Stage, record, stage};

fn mapping(more: Value) -> Value {
    let mut entity = json!({ "type": "Thing", "properties": { "name": "title" } });
    entity.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "mapping": "planet", "record": "planet.orbit/1", "entities": [entity] })
}

async fn in_the_household(stage: &Stage) -> String {
    let mut event = stage.event(vec![record("planet.orbit/1", "1", &json!({ "title": "Mars" }))]);
    event.space = SpaceId::household();
    stage.happens(&event).await;
    let listed = stage.get("/records").await;
    format!("/records/{}", listed["items"][0]["id"].as_str().unwrap())
}

/// What somebody sees of the one record: in the list, by its id.
async fn sees(stage: &Stage, permitted: &Permitted, path: &str) -> (usize, u16) {
    let (status, listed) = stage.get_as(permitted.clone(), "/records").await;
    assert_eq!(status, 200, "{listed}");
    let many = listed["items"].as_array().unwrap().len();
    (many, stage.get_as(permitted.clone(), path).await.0)
}

#[tokio::test]
async fn labels_that_a_mapping_gives_hide_the_record_as_well() {
    let stage = stage().await;
    let path = in_the_household(&stage).await;
    let partly = Permitted {
        partial: vec![SpaceId::household()],
        hidden_labels: vec!["health".to_owned()],
        ..Permitted::default()
    };
    let whole = Permitted { whole: vec![SpaceId::household()], ..Permitted::default() };
    assert_eq!(sees(&stage, &partly, &path).await, (1, 200));
    let health = mapping(json!({ "labels": ["health"] }));
    assert_eq!(stage.call("PUT", "/mappings/planet", Some(health)).await.0, 201);
    assert_eq!(sees(&stage, &partly, &path).await, (0, 404), "before it is mapped, and after");
    assert_eq!(sees(&stage, &whole, &path).await, (1, 200));
    assert_eq!(stage.get(&path).await["labels"], json!(["health", "work"]));
    stage.call("PUT", "/mappings/planet", Some(mapping(json!({})))).await;
    assert_eq!(sees(&stage, &partly, &path).await, (1, 200), "the version in use counts");
}

#[tokio::test]
async fn a_space_that_a_mapping_keeps_closer_hides_the_record_as_well() {
    let stage = stage().await;
    let path = in_the_household(&stage).await;
    let closer = mapping(json!({ "space": "person:1" }));
    assert_eq!(stage.call("PUT", "/mappings/planet", Some(closer)).await.0, 201);
    let household = Permitted { whole: vec![SpaceId::household()], ..Permitted::default() };
    assert_eq!(sees(&stage, &household, &path).await, (0, 404));
    let both = Permitted {
        whole: vec![SpaceId::household(), SpaceId::of_person(ADA)],
        ..Permitted::default()
    };
    assert_eq!(sees(&stage, &both, &path).await, (1, 200));
    let partly = Permitted {
        whole: vec![SpaceId::household()],
        partial: vec![SpaceId::of_person(ADA)],
        hidden_labels: vec!["work".to_owned()],
    };
    assert_eq!(sees(&stage, &partly, &path).await, (0, 404), "its label is hidden there");
}

#[tokio::test]
async fn no_mapping_shares_what_its_account_keeps() {
    let stage = stage().await;
    for wider in ["household", "public", "person:2"] {
        let mapping = mapping(json!({ "space": wider }));
        let (status, answer) =
            stage.call("PUT", "/mappings/planet?rerun=true", Some(mapping)).await;
        assert!(status < 300, "{answer}");
        let id = format!("in {wider}");
        stage.receive(vec![record("planet.orbit/1", &id, &json!({ "title": "Mars" }))]).await;
    }
    let drafts = stage.drafts().await;
    assert!(drafts.len() >= 3);
    assert!(drafts.iter().all(|draft| draft.space == SpaceId::of_person(ADA)), "{drafts:?}");
    assert_eq!(stage.get("/records").await["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_page_of_several_spaces_is_in_one_order() {
    let stage = stage().await;
    for n in 0..7 {
        let mut event =
            stage.event(vec![record("planet.orbit/1", &n.to_string(), &json!({ "title": "x" }))]);
        event.account = uuid::Uuid::now_v7();
        if n % 2 == 0 {
            event.space = SpaceId::household();
        }
        stage.happens(&event).await;
    }
    let mut seen = Vec::new();
    let mut path = "/records?limit=2".to_owned();
    loop {
        let page = stage.get(&path).await;
        for item in page["items"].as_array().unwrap() {
            seen.push(item["external_id"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/records?limit=2&cursor={next}");
    }
    assert_eq!(seen, ["6", "5", "4", "3", "2", "1", "0"]);
}
