//! What was erased is forgotten, and does not come back.

use contracts::events::data::EntityErased;
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
    stage.happens(&EntityErased { entity: Uuid::now_v7(), records }).await;
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
