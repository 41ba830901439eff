//! What was erased is forgotten, and does not come back.

use contracts::events::data::EntityErased;
use contracts::model::EntityDraft;
use serde_json::json;
use spine::event::SubjectErased;
use uuid::Uuid;

use crate::support::{gone, record, stage};

#[tokio::test]
async fn the_raw_records_of_an_erased_entity_go_and_stay_away() {
    let stage = stage().await;
    let ada = record("ms-graph.contact/1", "c1", &json!({ "displayName": "Ada" }));
    let bob = record("ms-graph.contact/1", "c2", &json!({ "displayName": "Bob" }));
    stage.receive(vec![ada.clone(), bob]).await;
    let raw = stage.drafts().await[0].provenance.raw.clone().unwrap();
    let nonsense = ["zz".to_owned(), String::new(), "00".to_owned()];
    let records = nonsense.into_iter().chain([raw]).collect();
    let erased = EntityErased {
        entity: Uuid::now_v7(),
        records,
        sources: Vec::new(),
        keys: vec!["zz".to_owned()],
    };
    stage.happens(&erased).await;
    assert_eq!(stage.count("SELECT count(*) FROM etl.record").await, 1);

    stage.receive(vec![ada]).await;
    assert_eq!(
        stage.count("SELECT count(*) FROM etl.record").await,
        1,
        "the source gives it again"
    );
    assert_eq!(stage.drafts().await.len(), 2);
    stage.receive(vec![gone("ms-graph.contact/1", "c2")]).await;
    assert_eq!(stage.drafts().await.len(), 3, "deletions have no content to be erased");
}

#[tokio::test]
async fn all_of_an_erased_account_goes_and_nothing_of_others() {
    let stage = stage().await;
    let contact = record("ms-graph.contact/1", "c1", &json!({ "displayName": "Ada" }));
    let mut other = stage.event(vec![contact.clone()]);
    other.account = Uuid::now_v7();
    stage.happens(&other).await;
    stage.receive(vec![contact]).await;
    assert_eq!(stage.count("SELECT count(*) FROM etl.record").await, 2);
    for subject in
        ["connector:x".to_owned(), "account:1".to_owned(), format!("connector:{}", stage.account)]
    {
        stage.happens(&SubjectErased { subject }).await;
    }
    let left: Vec<Uuid> = sqlx::query_scalar("SELECT account FROM etl.record")
        .fetch_all(stage.test.spine.pool())
        .await
        .unwrap();
    assert_eq!(left, [other.account]);
}

/// What the data service says when the entity of a draft is erased.
fn erased(draft: &EntityDraft) -> EntityErased {
    EntityErased {
        entity: Uuid::now_v7(),
        records: draft.provenance.raw.iter().cloned().collect(),
        sources: vec![draft.key.source.clone()],
        keys: vec![hex::encode(draft.key.digest())],
    }
}

#[tokio::test]
async fn all_contents_of_an_erased_entity_go_and_none_comes_back() {
    let stage = stage().await;
    let kind = "ms-graph.contact/1";
    let ada = |name: &str| record(kind, "c1", &json!({ "displayName": name }));
    stage.receive(vec![ada("Ada")]).await;
    let draft = stage.drafts().await.remove(0);
    // None of these became anything of the graph.
    let mut torn = ada("x");
    torn.payload = "{ torn".to_owned();
    stage.receive(vec![ada("never mapped"), torn]).await;
    stage.receive(vec![record(kind, "c2", &json!({ "displayName": "Bob" }))]).await;
    assert_eq!(stage.count("SELECT count(*) FROM etl.record").await, 4);

    stage.happens(&erased(&draft)).await;
    assert_eq!(stage.count("SELECT count(*) FROM etl.record").await, 1, "the other one");
    let drafts = stage.drafts().await.len();
    stage.receive(vec![ada("changed at its source"), gone(kind, "c1")]).await;
    assert_eq!(stage.count("SELECT count(*) FROM etl.record").await, 1);
    assert_eq!(stage.drafts().await.len(), drafts);
}

#[tokio::test]
async fn what_another_account_brought_is_no_part_of_it() {
    let stage = stage().await;
    let shared = record(
        "feed.entry/1",
        "e1",
        &json!({ "id": "e1", "title": "News", "source": { "id": "f" } }),
    );
    stage.receive(vec![shared.clone()]).await;
    let draft = stage.drafts().await.remove(0);
    let mut other = stage.event(vec![shared.clone()]);
    other.account = Uuid::now_v7();
    stage.happens(&other).await;
    stage.happens(&erased(&draft)).await;
    assert_eq!(
        stage.count("SELECT count(*) FROM etl.record").await,
        1,
        "that of the other account"
    );
    let drafts = stage.drafts().await.len();
    other.account = Uuid::now_v7();
    stage.happens(&other).await;
    assert_eq!(stage.drafts().await.len(), drafts + 1, "who comes later gets it as well");
}

#[tokio::test]
async fn a_record_outlives_a_thing_that_was_made_beside_it_but_for_that_content() {
    let stage = stage().await;
    let message = |text: &str| {
        let message = json!({ "subject": "Hello", "conversationId": "k", "bodyPreview": text });
        record("ms-graph.message/1", "m1", &message)
    };
    stage.receive(vec![message("one")]).await;
    let conversation = stage.drafts().await.remove(1);
    stage.happens(&erased(&conversation)).await;
    assert_eq!(stage.count("SELECT count(*) FROM etl.record").await, 0);
    stage.receive(vec![message("one")]).await;
    assert_eq!(stage.count("SELECT count(*) FROM etl.record").await, 0, "the same content");
    stage.receive(vec![message("two")]).await;
    assert_eq!(stage.count("SELECT count(*) FROM etl.record").await, 1, "the message goes on");
}

#[tokio::test]
async fn the_digest_of_a_key_is_the_same_in_the_database() {
    let stage = stage().await;
    let records = ["c1", "é/ü", "x y"]
        .map(|id| record("ms-graph.contact/1", id, &json!({ "displayName": "A" })));
    stage.receive(records.to_vec()).await;
    let differ = "SELECT count(*) FROM etl.record r,
                         LATERAL (SELECT 'connector:' || r.account AS source, split_part(r.kind, '/', 1) AS kind) k
                   WHERE key_hash <> sha256(int8send(octet_length(k.source)) || convert_to(k.source, 'UTF8')
                      || int8send(octet_length(k.kind)) || convert_to(k.kind, 'UTF8')
                      || int8send(octet_length(r.external_id)) || convert_to(r.external_id, 'UTF8'))";
    assert_eq!(stage.count(differ).await, 0, "as the migration fills it in");
}
