//! How long many take.

use std::time::Instant;

use contracts::model::Target;
use serde_json::json;

use crate::support::{alias, draft, edge, key, stage};

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_drafts_are_written_found_unchanged_the_second_time_and_erased() {
    let stage = stage().await;
    let drafts: Vec<_> = (0..10_000)
        .map(|n: u32| {
            let mut one = draft(
                "connector:v",
                "event",
                &n.to_string(),
                "Event",
                json!({ "name": format!("Event {n}"), "description": "x".repeat(300) }),
            );
            one.space = "person:1".parse().unwrap();
            one.aliases = vec![alias("uid", &format!("uid-{n}"))];
            one.edges = vec![edge(
                "isPartOf",
                Target::Key(key("connector:v", "calendar", &(n % 10).to_string())),
            )];
            one
        })
        .collect();
    for round in ["written", "found unchanged"] {
        let begin = Instant::now();
        for part in drafts.chunks(100) {
            stage.order(part.to_vec()).await;
        }
        stage.running.settle().await;
        println!("10,000 drafts {round} in {:.1} s", begin.elapsed().as_secs_f32());
    }
    assert_eq!(stage.get("/entities/count?type=Event").await["count"], 10_000);
    let versions: i64 = sqlx::query_scalar("SELECT count(*) FROM data.entity")
        .fetch_one(stage.test.spine.pool())
        .await
        .unwrap();
    assert_eq!(versions, 10_000);

    let begin = Instant::now();
    stage.erase("account:1").await;
    println!("10,000 entities erased in {:.1} s", begin.elapsed().as_secs_f32());
    let left: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM data.entity) + (SELECT count(*) FROM data.source_key)
              + (SELECT count(*) FROM data.edge) + (SELECT count(*) FROM data.provenance)
              + (SELECT count(*) FROM data.alias) + (SELECT count(*) FROM data.change)",
    )
    .fetch_one(stage.test.spine.pool())
    .await
    .unwrap();
    assert_eq!(left, 0);
    let keys: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM spine.subject_key WHERE subject LIKE 'entity:%' AND wrapped IS NOT NULL",
    )
    .fetch_one(stage.test.spine.pool())
    .await
    .unwrap();
    assert_eq!(keys, 0, "nobody reads in the ledger what they were");
}
