//! The newest content of a record stays; what it replaced ends some day.

use chrono::TimeDelta;
use serde_json::json;
use spine::Clock;

use crate::support::{gone, record, stage_on};

#[tokio::test]
async fn replaced_contents_end_and_the_last_word_stays() {
    let clock = Clock::manual(Clock::system().now());
    let stage = stage_on(clock.clone()).await;
    let contact =
        |id: &str, name: &str| record("ms-graph.contact/1", id, &json!({ "displayName": name }));
    for name in ["A", "B", "A", "C"] {
        stage.receive(vec![contact("c1", name)]).await;
    }
    stage.receive(vec![contact("c2", "D")]).await;
    stage.receive(vec![gone("ms-graph.contact/1", "c2")]).await;
    clock.advance(TimeDelta::days(89));
    stage.running.settle().await;
    assert_eq!(stage.count("SELECT count(*) FROM etl.record").await, 5);
    stage.receive(vec![contact("c1", "B")]).await;
    clock.advance(TimeDelta::days(2));
    stage.running.settle().await;
    let left: Vec<(String, bool, bool)> = sqlx::query_as(
        "SELECT external_id, newest, deleted FROM etl.record ORDER BY external_id, newest",
    )
    .fetch_all(stage.test.spine.pool())
    .await
    .unwrap();
    let (c1, c2) = ("c1".to_owned(), "c2".to_owned());
    assert_eq!(
        left,
        [(c1.clone(), false, false), (c1, true, false), (c2, true, true)],
        "C was replaced two days ago, B came back"
    );
    stage.call("POST", "/mappings/ms-graph.contact/rerun", None).await;
    stage.running.settle().await;
    assert_eq!(stage.drafts().await.last().unwrap().data["name"], "B");
}
