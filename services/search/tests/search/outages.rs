//! Meilisearch is away, refuses, or loses what it had: nothing is lost.

use contracts::access::{Permitted, SpaceId};
use search::{Search, SearchError};
use serde_json::json;

use crate::stage::{BEN, Stage, entity, everything, next, question, titles};

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

/// Adding documents to an index that was lost makes one: without settings, and without all the others.
#[tokio::test]
async fn an_index_that_was_lost_unnoticed_is_filled_whole_and_not_with_the_newest_only() {
    let stage = Stage::spoken().await;
    stage.create(&entity(1, "Event", json!({"name": "Opera in May"}))).await;
    stage.running.settle().await;
    stage.server.as_ref().unwrap().lose_everything();
    stage.create(&entity(2, "Event", json!({"name": "Opera in June"}))).await;
    stage.settle_in_time().await;
    assert_eq!(stage.titles("opera").await, ["Opera in May", "Opera in June"]);
    stage.running.stop().await;
}

#[tokio::test]
async fn half_an_index_does_not_answer() {
    let stage = Stage::spoken().await;
    stage.create(&entity(1, "Event", json!({"name": "Opera"}))).await;
    stage.running.settle().await;
    let server = stage.server.as_ref().unwrap();
    server.lose_everything();
    server.fail_additions(1);
    stage.create(&entity(2, "Event", json!({"name": "Circus"}))).await;
    stage.running.settle().await;
    assert_eq!(server.indexes().len(), 1, "it is there again, and empty");
    let refused = stage.search.search(&question("opera"), &everything()).await;
    assert!(matches!(refused, Err(SearchError::NotReady)), "no empty answer");
    stage.settle_in_time().await;
    assert_eq!(stage.titles("opera").await, ["Opera"]);
    stage.running.stop().await;
}

#[tokio::test]
async fn an_index_that_is_behind_shows_nothing_that_was_erased_deleted_or_moved() {
    let stage = Stage::spoken().await;
    let all: Vec<_> = ["erased", "deleted", "moved", "labelled", "merged", "shown"]
        .map(|name| entity(1, "Event", json!({"name": format!("opera {name}")})))
        .into();
    for one in &all {
        stage.create(one).await;
    }
    stage.running.settle().await;
    let server = stage.server.as_ref().unwrap();
    server.fail_tasks(u32::MAX);
    stage.erase(all[0].entity).await;
    stage.delete(&all[1]).await;
    let mut moved = next(&all[2], json!({"name": "opera moved"}));
    moved.space = SpaceId::of_person(BEN);
    stage.change(&moved).await;
    let mut labelled = next(&all[3], json!({"name": "opera labelled"}));
    labelled.labels = vec!["health".to_owned()];
    stage.change(&labelled).await;
    stage.merge(all[5].entity, all[4].entity).await;
    stage.running.settle().await;
    let permitted = Permitted {
        partial: vec![SpaceId::household()],
        hidden_labels: vec!["health".to_owned()],
        ..Permitted::default()
    };
    for text in ["opera", ""] {
        assert_eq!(titles(&stage.ask(question(text), &permitted).await), ["opera shown"], "{text}");
    }
    stage.running.stop().await;
}

#[tokio::test]
async fn two_nodes_with_the_same_settings_do_not_see_each_other() {
    let one = Stage::spoken().await;
    one.create(&entity(1, "Event", json!({"name": "Opera"}))).await;
    one.running.settle().await;
    let other = one.beside().await;
    other.create(&entity(1, "Event", json!({"name": "Circus"}))).await;
    other.running.settle().await;
    assert_eq!(one.titles("").await, ["Opera"]);
    assert_eq!(other.titles("").await, ["Circus"]);
    other.running.stop().await;
    one.running.stop().await;
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
    assert!((1..=4).contains(&server.additions()), "{}", server.additions());
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
