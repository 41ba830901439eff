//! How long many take.

use std::time::Instant;

use serde_json::json;
use spine::Cause;

use crate::support::{record, stage};

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_records_are_mapped_and_found_unchanged_the_second_time() {
    let stage = stage().await;
    let records: Vec<_> = (0..10_000)
        .map(|n: u32| {
            let contact = json!({
                "id": n.to_string(), "displayName": format!("Person {n}"), "givenName": "Person",
                "emailAddresses": [{ "address": format!("p{n}@example.org") }],
                "mobilePhone": format!("0664 {:07}", 1_000_000 + n), "categories": ["Family"],
                "personalNotes": "x".repeat(300), "birthday": "1990-12-10T11:59:00Z",
            });
            record("ms-graph.contact/1", &n.to_string(), &contact)
        })
        .collect();
    for round in ["mapped", "found unchanged"] {
        let begin = Instant::now();
        for part in records.chunks(1_000) {
            let mut tx = stage.test.spine.begin(Cause::system()).await.unwrap();
            for event in part.chunks(100) {
                tx.record(&stage.event(event.to_vec())).unwrap();
            }
            tx.commit().await.unwrap();
        }
        stage.running.settle().await;
        let took = begin.elapsed();
        println!("10,000 records {round} in {:.1} s", took.as_secs_f32());
        assert!(took.as_secs() < 60, "{took:?}");
        assert_eq!(
            stage.count("SELECT count(*) FROM spine.job WHERE kind = 'data.write_entities'").await,
            100
        );
    }
    assert_eq!(stage.drafts().await.len(), 10_000);
    assert_eq!(stage.processed().await, 100);
}
