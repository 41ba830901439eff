//! Erasing an entity.

use contracts::model::Target;
use serde_json::{Value, json};
use spine::Spine;

use crate::support::{alias, contact, draft, edge, key, stage};

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_entity_is_gone_from_all_versions_and_from_the_log_and_stays_away() {
    let stage = stage().await;
    let mut ada = contact("1", "Ada Secret");
    ada.aliases = vec![alias("tel", "+43999")];
    ada.provenance.raw = Some("ab".repeat(32));
    ada.edges = vec![edge("knows", Target::Key(key("connector:a", "contact", "2")))];
    stage.write(vec![ada.clone(), contact("2", "Bob")]).await;
    ada.data.insert("note".to_owned(), json!("Very Secret"));
    stage.write(vec![ada.clone()]).await;
    let id = stage.one("alias=tel:%2B43999").await["id"].as_str().unwrap().to_owned();
    let (status, problem) = stage.call("DELETE", &format!("/entities/{id}?erase=true"), None).await;
    assert_eq!(status, 204, "{problem}");
    stage.running.settle().await;

    assert_eq!(stage.call("GET", &format!("/entities/{id}"), None).await.0, 404);
    assert_eq!(stage.call("GET", &format!("/entities/{id}/history"), None).await.0, 404);
    let whole: String = sqlx::query_scalar(
        "SELECT concat((SELECT jsonb_agg(to_jsonb(e)) FROM data.entity e WHERE id = $1),
                       (SELECT jsonb_agg(to_jsonb(k)) FROM data.source_key k),
                       (SELECT jsonb_agg(to_jsonb(a)) FROM data.alias a),
                       (SELECT jsonb_agg(to_jsonb(p)) FROM data.provenance p),
                       (SELECT jsonb_agg(to_jsonb(g)) FROM data.edge g))",
    )
    .bind(id.parse::<uuid::Uuid>().unwrap())
    .fetch_one(stage.test.spine.pool())
    .await
    .unwrap();
    assert!(!whole.contains("Secret") && !whole.contains("+43999") && !whole.contains("knows"));
    let events = stage.payloads().await;
    let unreadable = events.iter().filter(|(_, data)| *data == Value::Null).count();
    assert_eq!(unreadable, 3, "created, edge, changed: {events:?}");
    let erased = events.iter().find(|(kind, _)| kind == "EntityErased").unwrap();
    assert_eq!(erased.1["records"], json!(["ab".repeat(32)]));

    // Its source does not bring it back, and edges lead there no more.
    let mut other = contact("3", "Charles");
    other.edges = vec![edge("knows", Target::Key(key("connector:a", "contact", "1")))];
    stage.write(vec![ada, other]).await;
    assert_eq!(stage.list("type=Person").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn content_goes_when_somebody_else_destroys_its_keys() {
    let stage = stage().await;
    stage
        .write(vec![
            contact("1", "Ada"),
            draft("connector:b", "c", "1", "Person", json!({ "name": "Other" })),
        ])
        .await;
    let ada = stage.list("type=Person").await;
    let ada = ada.iter().find(|one| one["data"]["name"] == "Ada").unwrap()["id"].as_str().unwrap();
    let mut tx = stage.test.spine.begin(spine::Cause::system()).await.unwrap();
    Spine::erase(&mut tx, &format!("entity:{ada}")).await.unwrap();
    tx.commit().await.unwrap();
    stage.running.settle().await;
    assert_eq!(stage.one("type=Person").await["data"]["name"], "Other");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_part_of_an_erased_entity_is_erased_with_it() {
    let stage = stage().await;
    stage.write(vec![contact("1", "Ada")]).await;
    stage
        .write(vec![draft("connector:b", "c", "1", "Person", json!({ "name": "Countess Secret" }))])
        .await;
    let all = stage.list("type=Person").await;
    let body = json!({ "kept": all[0]["id"], "absorbed": all[1]["id"] });
    let (_, merge) = stage.call("POST", "/merges", Some(body)).await;
    let path = format!("/entities/{}?erase=true", all[1]["id"].as_str().unwrap());
    assert_eq!(stage.call("DELETE", &path, None).await.0, 204);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM data.entity WHERE data <> '{}'")
        .fetch_one(stage.test.spine.pool())
        .await
        .unwrap();
    assert_eq!(left, 0);
    let undo = format!("/merges/{}/undo", merge["id"].as_str().unwrap());
    assert_eq!(stage.call("POST", &undo, None).await.0, 404);
}
