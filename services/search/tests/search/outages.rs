//! Meilisearch is away, refuses, or loses what it had: nothing is lost.

use search::{Search, SearchError};
use serde_json::json;

use crate::stage::{Stage, entity, everything, question};

#[tokio::test]
async fn what_was_written_while_it_was_away_is_found_when_it_is_back() {
    let stage = Stage::spoken().await;
    let server = stage.server.as_ref().unwrap();
    stage.running.settle().await;
    server.set_away(true);
    stage.create(&entity(1, "Event", json!({"name": "Opera"}))).await;
    stage.running.settle().await;
    let refused = stage.search.search(&question("opera"), &everything()).await;
    assert!(matches!(refused, Err(SearchError::Away(_))), "an outage is no empty answer");
    assert_eq!(stage.search.status().await.unwrap().waiting, 1);
    server.set_away(false);
    stage.settle_in_time().await;
    assert_eq!(stage.titles("opera").await, ["Opera"]);
    assert_eq!(stage.search.status().await.unwrap().waiting, 0);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_failed_task_is_tried_again() {
    let stage = Stage::spoken().await;
    stage.running.settle().await;
    stage.server.as_ref().unwrap().fail_tasks(2);
    stage.create(&entity(1, "Event", json!({"name": "Opera"}))).await;
    stage.running.settle().await;
    assert_eq!(stage.titles("opera").await, Vec::<String>::new(), "its task failed");
    stage.settle_in_time().await;
    assert_eq!(stage.titles("opera").await, ["Opera"]);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_lost_index_is_made_and_filled_again() {
    let stage = Stage::spoken().await;
    stage.create(&entity(1, "Event", json!({"name": "Opera"}))).await;
    stage.running.settle().await;
    let server = stage.server.as_ref().unwrap();
    server.lose_everything();
    let refused = stage.search.search(&question("opera"), &everything()).await;
    assert!(matches!(refused, Err(SearchError::NotReady)));
    stage.settle_in_time().await;
    assert_eq!(stage.titles("opera").await, ["Opera"]);
    stage.running.stop().await;
}

#[tokio::test]
async fn documents_are_brought_in_batches() {
    let stage = Stage::spoken().await;
    stage.running.settle().await;
    let created: Vec<_> = (0..300)
        .map(|number| contracts::events::data::EntityCreated {
            now: entity(number, "Task", json!({"name": format!("Task {number}")})),
        })
        .collect();
    stage.record(&created).await;
    stage.running.settle().await;
    assert_eq!(stage.titles("task").await.len(), 50);
    let server = stage.server.as_ref().unwrap();
    assert!(server.requests("POST /indexes/home_1/documents") <= 4);
    stage.running.stop().await;
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_start() {
    let stage = Stage::spoken().await;
    let mut settings = stage.settings.clone();
    settings.meilisearch.as_mut().unwrap().prefix = "a/b".to_owned();
    let refused = Search::open(stage.test.spine.clone(), settings.clone()).await;
    assert!(matches!(refused, Err(SearchError::Settings(_))));
    let meilisearch = settings.meilisearch.as_mut().unwrap();
    meilisearch.prefix = "home".to_owned();
    meilisearch.url = "ftp://x.example".parse().unwrap();
    assert!(matches!(
        Search::open(stage.test.spine.clone(), settings).await,
        Err(SearchError::Settings(_))
    ));
    stage.running.stop().await;
}
