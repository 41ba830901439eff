//! The index is built anew from the ledger while it answers.

use contracts::events::data::EntityCreated;
use search::{Search, SearchSettings};
use serde_json::json;
use spine::Cause;

use crate::stage::{Stage, entity, everything, next, question, run, titles};

async fn rebuilding_shows_no_half_index(stage: Stage) {
    let mut all: Vec<_> = (0..700)
        .map(|number| entity(number, "Task", json!({"name": format!("chore {number}")})))
        .collect();
    let created: Vec<_> = all.iter().map(|now| EntityCreated { now: now.clone() }).collect();
    stage.record(&created).await;
    stage.settle_in_time().await;
    // The index is damaged: some of it is missing, something is wrong.
    sqlx::query("DELETE FROM search.document WHERE title LIKE 'chore 1%'")
        .execute(stage.test.spine.pool())
        .await
        .unwrap();
    stage.search.begin_rebuild(Cause::system()).await.unwrap();
    stage.search.begin_rebuild(Cause::system()).await.unwrap();
    // While it is built, things are made, changed, deleted, merged and erased, and questions answered.
    let generation = stage.search.status().await.unwrap().generation;
    for round in 0..40 {
        let new = entity(-round, "Task", json!({"name": format!("chore new {round}")}));
        stage.create(&new).await;
        all.push(new);
        let place = usize::try_from(round).unwrap();
        let changed = next(&all[place], json!({"name": format!("chore changed {round}")}));
        stage.change(&changed).await;
        all[place] = changed;
        match round % 4 {
            0 => stage.delete(&all[100 + place]).await,
            1 => stage.erase(all[100 + place].entity).await,
            2 => stage.merge(all[200].entity, all[100 + place].entity).await,
            _ => {}
        }
        let found = stage.ask(question("chore"), &everything()).await;
        assert!(found.total > 400, "round {round} found {}", found.total);
    }
    stage.settle_in_time().await;
    let status = stage.search.status().await.unwrap();
    assert!(status.rebuild.is_none() && status.generation > generation, "{status:?}");
    let found = stage.ask(question("chore"), &everything()).await;
    assert_eq!(found.total, 700 + 40 - 30);
    assert_eq!(
        titles(&stage.ask(question("\"chore changed 3\""), &everything()).await),
        ["chore changed 3"]
    );
    // The old one is gone, and the vocabulary of the new one is what its documents hold.
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM search.generation")
        .fetch_one(stage.test.spine.pool())
        .await
        .unwrap();
    assert_eq!(left, 1);
    let wrong: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (
            SELECT generation, unnest(tsvector_to_array(words)) AS word, count(*) AS documents
              FROM search.document GROUP BY 1, 2) AS held
          FULL JOIN search.word w USING (generation, word)
         WHERE held.documents IS DISTINCT FROM w.documents",
    )
    .fetch_one(stage.test.spine.pool())
    .await
    .unwrap();
    assert_eq!(wrong, 0);
    stage.running.stop().await;
}

#[tokio::test]
async fn rebuilding_in_postgres_shows_no_half_index() {
    rebuilding_shows_no_half_index(Stage::postgres().await).await;
}

#[tokio::test]
async fn rebuilding_in_meilisearch_shows_no_half_index() {
    let stage = Stage::spoken().await;
    rebuilding_shows_no_half_index(stage).await;
}

#[tokio::test]
async fn a_retired_index_is_removed_from_meilisearch() {
    let stage = Stage::spoken().await;
    stage.create(&entity(1, "Event", json!({"name": "Opera"}))).await;
    stage.running.settle().await;
    let before = stage.server.as_ref().unwrap().indexes();
    stage.search.begin_rebuild(Cause::system()).await.unwrap();
    stage.settle_in_time().await;
    let after = stage.server.as_ref().unwrap().indexes();
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_ne!(before, after);
    assert_eq!(stage.titles("opera").await, ["Opera"]);
    stage.running.stop().await;
}

#[tokio::test]
async fn another_adapter_takes_over_when_it_has_everything() {
    let stage = Stage::postgres().await;
    stage.create(&entity(1, "Event", json!({"name": "Opera"}))).await;
    stage.running.settle().await;
    stage.running.stop().await;
    let server = crate::meilisearch_server::MeilisearchServer::start().await;
    let settings = SearchSettings { meilisearch: Some(server.settings()) };
    // The node starts again, with other settings.
    let spine = stage.test.another().await.unwrap();
    let search = Search::open(spine.clone(), settings).await.unwrap();
    let found = search.search(&question("opera"), &everything()).await.unwrap();
    assert_eq!(titles(&found), ["Opera"], "the old one answers meanwhile");
    let running = run(&spine, &search).await;
    for _ in 0..10 {
        running.settle().await;
        stage.test.clock.advance(chrono::TimeDelta::seconds(30));
    }
    running.settle().await;
    let status = search.status().await.unwrap();
    assert_eq!((status.adapter.as_str(), status.rebuild.is_none()), ("meilisearch", true));
    let found = search.search(&question("opera"), &everything()).await.unwrap();
    assert_eq!(titles(&found), ["Opera"]);
    assert!(server.requests("POST /indexes") > 0);
    running.stop().await;
}

#[tokio::test]
async fn an_index_for_an_adapter_that_is_not_configured_any_more_is_given_up() {
    let stage = Stage::postgres().await;
    stage.create(&entity(1, "Event", json!({"name": "Opera"}))).await;
    stage.running.settle().await;
    stage.running.stop().await;
    // The node starts with a Meilisearch that is away, and then without it again.
    let server = crate::meilisearch_server::MeilisearchServer::start().await;
    server.set_away(true);
    let settings = SearchSettings { meilisearch: Some(server.settings()) };
    let spine = stage.test.another().await.unwrap();
    let search = Search::open(spine, settings).await.unwrap();
    assert!(search.status().await.unwrap().rebuild.is_some());
    let spine = stage.test.another().await.unwrap();
    let search = Search::open(spine.clone(), SearchSettings::default()).await.unwrap();
    assert!(search.status().await.unwrap().rebuild.is_none());
    let running = run(&spine, &search).await;
    for _ in 0..5 {
        running.settle().await;
        stage.test.clock.advance(chrono::TimeDelta::seconds(30));
    }
    running.settle().await;
    let status = search.status().await.unwrap();
    assert_eq!((status.adapter.as_str(), status.rebuild.is_none()), ("postgres", true));
    let found = search.search(&question("opera"), &everything()).await.unwrap();
    assert_eq!(titles(&found), ["Opera"]);
    running.stop().await;
}

#[tokio::test]
async fn a_rebuild_whose_job_gave_up_goes_on_when_it_is_asked_for_again_or_in_time() {
    for asked_for in [true, false] {
        let stage = Stage::postgres().await;
        stage.create(&entity(1, "Event", json!({"name": "Opera"}))).await;
        stage.running.settle().await;
        sqlx::query(
            "INSERT INTO search.generation (adapter, state, created_at)
             VALUES ('postgres', 'building', now())",
        )
        .execute(stage.test.spine.pool())
        .await
        .unwrap();
        let before = stage.search.status().await.unwrap();
        assert!(before.rebuild.is_some());
        if asked_for {
            stage.search.begin_rebuild(Cause::system()).await.unwrap();
            stage.running.settle().await;
        } else {
            stage.settle_in_time().await;
        }
        let after = stage.search.status().await.unwrap();
        assert!(after.rebuild.is_none() && after.generation > before.generation, "{after:?}");
        assert_eq!(stage.titles("opera").await, ["Opera"]);
        stage.running.stop().await;
    }
}

/// What retired lies there for a while, longer where its server is away.
#[tokio::test]
async fn what_is_erased_goes_from_an_index_that_retired_as_well() {
    let stage = Stage::postgres().await;
    let one = entity(1, "Event", json!({"name": "Opera"}));
    stage.create(&one).await;
    stage.running.settle().await;
    stage.search.begin_rebuild(Cause::system()).await.unwrap();
    stage.running.settle().await;
    let pool = stage.test.spine.pool();
    let count = "SELECT count(*) FROM search.document WHERE title <> '' OR words IS NOT NULL";
    let before: i64 = sqlx::query_scalar(count).fetch_one(pool).await.unwrap();
    assert_eq!(before, 2, "in the old one and in the new one");
    stage.erase(one.entity).await;
    stage.running.settle().await;
    let left: i64 = sqlx::query_scalar(count).fetch_one(pool).await.unwrap();
    assert_eq!(left, 0);
    stage.settle_in_time().await;
    let generations: i64 =
        sqlx::query_scalar("SELECT count(*) FROM search.generation").fetch_one(pool).await.unwrap();
    assert_eq!(generations, 1);
    stage.running.stop().await;
}
