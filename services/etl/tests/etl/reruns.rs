//! Mappings get new versions and run again over the history.

use contracts::access::Caller;
use contracts::events::etl::MappingChanged;
use etl::{Etl, EtlSettings};
use serde_json::{Value, json};
use spine::Lane;
use spine::work::admin::{self, Pausable};

use crate::support::{ADA, record, stage};

fn mapping(property: &str) -> Value {
    json!({
        "mapping": "planet", "record": "planet.orbit/1", "description": "Planets",
        "entities": [{ "type": "Thing", "properties": { property: { "path": "title", "as": "name" } } }],
    })
}

#[tokio::test]
async fn a_new_version_is_run_over_the_history_in_parts() {
    let stage = stage().await;
    let planets: Vec<_> = (0..1_203)
        .map(|n| record("planet.orbit/1", &n.to_string(), &json!({ "title": format!("P{n}") })))
        .collect();
    for part in planets.chunks(100) {
        stage.receive(part.to_vec()).await;
    }
    assert!(stage.drafts().await.is_empty(), "no mapping takes them yet");
    let (status, made) = stage.call("PUT", "/mappings/planet", Some(mapping("name"))).await;
    assert_eq!((status, &made["version"]), (201, &json!(1)), "{made}");
    let (status, run) = stage.call("POST", "/mappings/planet/rerun", None).await;
    assert_eq!((status, &run["total"]), (202, &json!(1_203)), "{run}");
    stage.running.settle().await;
    let runs = stage.get("/mappings/planet/reruns").await;
    let (state, done) = (&runs["items"][0]["state"], &runs["items"][0]["done"]);
    assert_eq!((state, done), (&json!("done"), &json!(1_203)));
    assert_eq!(stage.drafts().await.len(), 1_203);
    assert!(stage.ordered().await.iter().all(|order| order.entities.len() <= 100));

    let path = "/mappings/planet?rerun=true";
    let (status, made) = stage.call("PUT", path, Some(mapping("alternateName"))).await;
    assert_eq!((status, &made["version"]), (200, &json!(2)), "{made}");
    stage.running.settle().await;
    let drafts = stage.drafts().await;
    assert_eq!(drafts.len(), 2 * 1_203);
    let last = drafts.last().unwrap();
    assert!(last.data.contains_key("alternateName"));
    assert_eq!(last.provenance.mapping.as_deref(), Some("planet@2"));
    let changes = stage.heard::<MappingChanged>(9).await;
    let planet: Vec<_> =
        changes.iter().filter(|e| e.mapping == "planet").map(|e| (e.version, e.rerun)).collect();
    assert_eq!(planet, [(1, false), (1, true), (2, true)]);
    let versions = stage.get("/mappings/planet").await;
    assert_eq!(versions["versions"].as_array().unwrap().len(), 2);
    assert_eq!(versions["document"]["version"], 2);
}

#[tokio::test]
async fn what_a_mapping_says_already_is_no_new_version() {
    let stage = stage().await;
    for expected in [201, 200] {
        let (status, made) = stage.call("PUT", "/mappings/planet", Some(mapping("name"))).await;
        assert_eq!((status, &made["version"]), (expected, &json!(1)), "{made}");
    }
    let current = stage.get("/mappings/planet").await["document"].clone();
    let (status, same) = stage.call("PUT", "/mappings/planet", Some(current)).await;
    assert_eq!((status, &same["version"]), (200, &json!(1)));
}

#[tokio::test]
async fn the_mappings_of_the_node_are_installed_once_and_give_way_to_peoples_own() {
    let stage = stage().await;
    let listed = stage.get("/mappings").await;
    let names: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "calendar.event",
            "feed.entry",
            "feed.source",
            "ms-graph.contact",
            "ms-graph.event",
            "ms-graph.message"
        ]
    );
    assert!(listed["items"].as_array().unwrap().iter().all(|one| one["built_in"] == true));
    assert_eq!(stage.heard::<MappingChanged>(6).await.len(), 6);

    // As if this program brought newer ones than those that are here.
    sqlx::query("UPDATE etl.mapping_version SET built_in = 0")
        .execute(stage.test.spine.pool())
        .await
        .unwrap();
    let own = json!({
        "mapping": "feed.source", "record": "feed.source/1",
        "entities": [{ "type": "DataFeed", "properties": { "name": "title" } }],
    });
    let (status, _) = stage.call("PUT", "/mappings/feed.source", Some(own)).await;
    assert_eq!(status, 200);
    for _ in 0..2 {
        Etl::open(stage.test.spine.clone(), EtlSettings::default()).await.unwrap();
    }
    let newer = stage.get("/mappings/feed.entry").await;
    assert_eq!((&newer["version"], &newer["built_in"]), (&json!(2), &json!(true)));
    let own = stage.get("/mappings/feed.source").await;
    assert_eq!((&own["version"], &own["built_in"]), (&json!(2), &json!(false)), "a person's stays");
    assert_eq!(
        own["versions"].as_array().unwrap().len(),
        3,
        "yet the newer one is there to look at"
    );
}

#[tokio::test]
async fn a_run_ends_where_the_mapping_changes_meanwhile() {
    let stage = stage().await;
    stage.receive(vec![record("planet.orbit/1", "1", &json!({ "title": "Mars" }))]).await;
    stage.call("PUT", "/mappings/planet", Some(mapping("name"))).await;
    sqlx::query(
        "INSERT INTO etl.mapping_version SELECT mapping, 2, document, NULL, made_by, made_at
           FROM etl.mapping_version WHERE mapping = 'planet'",
    )
    .execute(stage.test.spine.pool())
    .await
    .unwrap();
    stage.running.settle().await;
    // Between the start of the run and its first part.
    let lane = Pausable::Lane(Lane::Background);
    admin::pause(&stage.test.spine, &lane).await.unwrap();
    stage.call("POST", "/mappings/planet/rerun", None).await;
    sqlx::query("UPDATE etl.mapping SET current = 2 WHERE name = 'planet'")
        .execute(stage.test.spine.pool())
        .await
        .unwrap();
    admin::resume(&stage.test.spine, &lane).await.unwrap();
    stage.running.settle().await;
    let runs = stage.get("/mappings/planet/reruns").await;
    assert_eq!(runs["items"][0]["state"], "superseded");
    assert!(stage.drafts().await.is_empty());
}

#[tokio::test]
async fn the_same_key_starts_one_run() {
    use contracts::api::{PREFIX, Transport as _};
    let stage = stage().await;
    stage.call("PUT", "/mappings/planet", Some(mapping("name"))).await;
    for _ in 0..2 {
        let request = http::Request::post(format!("{PREFIX}/mappings/planet/rerun"))
            .header("idempotency-key", "k")
            .body(bytes::Bytes::new())
            .unwrap();
        assert_eq!(stage.api.call(Caller::person(ADA), request).await.unwrap().status(), 202);
    }
    stage.running.settle().await;
    assert_eq!(stage.get("/mappings/planet/reruns").await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_version_that_begins_while_records_are_mapped_has_the_last_word() {
    let stage = stage().await;
    stage.call("PUT", "/mappings/planet", Some(mapping("name"))).await;
    stage.running.settle().await;
    // Somebody changes the mapping, while a job has mapped a record with the version before.
    let mut change = stage.test.spine.pool().begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('etl.mapping'))")
        .execute(&mut *change)
        .await
        .unwrap();
    let event = stage.event(vec![record("planet.orbit/1", "1", &json!({ "title": "Mars" }))]);
    let mut tx = stage.test.spine.begin(spine::Cause::system()).await.unwrap();
    tx.record(&event).unwrap();
    tx.commit().await.unwrap();
    stage.becomes(crate::support::WAITS_FOR_ITS_TURN).await;
    sqlx::query(
        "INSERT INTO etl.mapping_version
         SELECT mapping, 2, replace(document::text, '\"name\":', '\"alternateName\":')::jsonb, NULL, made_by, made_at
           FROM etl.mapping_version WHERE mapping = 'planet'",
    )
    .execute(&mut *change)
    .await
    .unwrap();
    sqlx::query("UPDATE etl.mapping SET current = 2 WHERE name = 'planet'")
        .execute(&mut *change)
        .await
        .unwrap();
    change.commit().await.unwrap();
    stage.running.settle().await;
    let drafts = stage.drafts().await;
    assert_eq!(drafts.len(), 1);
    assert_eq!(drafts[0].provenance.mapping.as_deref(), Some("planet@2"));
    assert!(drafts[0].data.contains_key("alternateName"));
}

#[tokio::test]
async fn what_waited_for_a_mapping_of_the_node_is_mapped_when_the_node_brings_it() {
    let stage = stage().await;
    // As if the program before this one did not know the kind.
    for statement in [
        "DELETE FROM etl.mapping_version WHERE mapping = 'feed.source'",
        "DELETE FROM etl.mapping WHERE name = 'feed.source'",
    ] {
        sqlx::query(statement).execute(stage.test.spine.pool()).await.unwrap();
    }
    let source = json!({ "id": "f", "title": "News", "url": "https://news.example/feed" });
    stage.receive(vec![record("feed.source/1", "f", &source)]).await;
    assert!(stage.drafts().await.is_empty());
    for _ in 0..2 {
        Etl::open(stage.test.spine.clone(), EtlSettings::default()).await.unwrap();
        stage.running.settle().await;
    }
    let drafts = stage.drafts().await;
    assert_eq!(drafts.len(), 1);
    assert_eq!(drafts[0].data["name"], "News");
    let runs = stage.get("/mappings/feed.source/reruns").await;
    assert_eq!(runs["items"][0]["started_by"], "service:etl");
}

#[tokio::test]
async fn a_version_before_can_be_read_and_used_again() {
    let stage = stage().await;
    stage.call("PUT", "/mappings/planet", Some(mapping("name"))).await;
    stage.call("PUT", "/mappings/planet", Some(mapping("alternateName"))).await;
    let first = stage.get("/mappings/planet/versions/1").await;
    assert_eq!((&first["version"], &first["kind"]), (&json!(1), &json!("planet.orbit/1")));
    assert!(first["document"]["entities"][0]["properties"].get("name").is_some());
    let (status, again) =
        stage.call("PUT", "/mappings/planet", Some(first["document"].clone())).await;
    assert_eq!((status, &again["version"]), (200, &json!(3)), "{again}");
    for path in [
        "/mappings/planet/versions/9",
        "/mappings/planet/versions/0",
        "/mappings/planet/versions/x",
        "/mappings/none/versions/1",
        "/mappings/planet/versions/99999999999",
    ] {
        assert_eq!(stage.call("GET", path, None).await.0, 404, "{path}");
    }
}
