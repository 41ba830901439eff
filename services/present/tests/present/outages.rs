//! Redis is away, or loses everything.

use chrono::{DateTime, TimeDelta, Utc};
use contracts::events::devices::DeviceReported;
use present::{Present, PresentError, PresentSettings};
use serde_json::{Value, json};
use spine::Cause;
use spine::bus::{self, ReplayRange};
use uuid::Uuid;

use crate::stage::{ANNA, PHONE, Stage, north, redis_url};

/// Redis, and what the node's keys begin with.
async fn redis_of(stage: &Stage) -> (redis::aio::MultiplexedConnection, String) {
    let instance: Uuid = sqlx::query_scalar("SELECT id FROM present.instance")
        .fetch_one(stage.test.spine.pool())
        .await
        .unwrap();
    let client = redis::Client::open(redis_url()).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    (connection, format!("sovereign:{{{instance}}}:"))
}

/// Removes all keys of a node, as a Redis without a disk does when it starts again.
async fn lose_everything(stage: &Stage) -> usize {
    let (mut connection, prefix) = redis_of(stage).await;
    let keys: Vec<String> =
        redis::cmd("KEYS").arg(format!("{prefix}*")).query_async(&mut connection).await.unwrap();
    redis::cmd("DEL").arg(&keys).query_async::<()>(&mut connection).await.unwrap();
    keys.len()
}

#[tokio::test]
async fn what_redis_loses_is_told_again_from_events_and_not_announced_again() {
    let stage = Stage::redis().await;
    stage.place("Work", 0.0, None).await;
    stage.report("location", north(0.0)).await;
    stage.pass(TimeDelta::minutes(3)).await;
    stage.report("location", north(30.0)).await;
    stage.report("sensor", json!({"name": "temperature", "value": 20.0})).await;
    stage.report("sensor", json!({"name": "temperature", "value": 24.0})).await;
    stage.call_starts(Uuid::from_u128(1)).await;
    let paths = [
        format!("/present/person:{ANNA}"),
        format!("/present/device:{PHONE}"),
        format!("/present/device:{PHONE}/sensor.temperature/window"),
        "/present".to_owned(),
    ];
    let without_end = |mut answer: Value| {
        answer.as_object_mut().unwrap().remove("to");
        answer
    };
    let mut before = Vec::new();
    for path in &paths {
        before.push(without_end(stage.get(path).await.1));
    }
    let announced = stage.announced().await.len();
    assert!(lose_everything(&stage).await > 3);
    for path in &paths {
        assert_eq!(stage.get(path).await.0, 503, "what was lost is not unknown: {path}");
    }
    assert_eq!(stage.location().await["value"]["place"], "Work", "what matters is in Postgres");
    stage.pass(TimeDelta::seconds(61)).await;
    stage.pass(TimeDelta::seconds(1)).await;
    for (path, before) in paths.iter().zip(&before) {
        let (status, now) = stage.get(path).await;
        assert_eq!(status, 200, "{path}");
        let mut now = without_end(now);
        if now.get("from").is_some() {
            now["from"] = before["from"].clone();
        }
        assert_eq!(now, *before, "{path}");
    }
    assert_eq!(stage.announced().await.len(), announced, "nothing happened");
    stage.running.stop().await;
}

#[tokio::test]
async fn what_is_told_while_redis_is_empty_is_not_lost_nor_announced_twice() {
    let stage = Stage::redis().await;
    stage.place("Work", 0.0, None).await;
    stage.report("location", north(0.0)).await;
    lose_everything(&stage).await;
    stage.pass(TimeDelta::seconds(10)).await;
    stage.report("location", north(20.0)).await;
    let yesterday = stage.now() - TimeDelta::hours(20);
    stage.report_at("location", north(9_000.0), yesterday).await;
    assert_eq!(stage.location().await["value"]["place"], "Work");
    stage.pass(TimeDelta::minutes(2)).await;
    assert_eq!(stage.location().await["value"]["place"], "Work");
    assert_eq!(stage.moves().await.len(), 1);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_redis_that_is_away_is_no_reason_not_to_start() {
    let stage = Stage::embedded().await;
    let nowhere = PresentSettings { redis_url: Some("redis://127.0.0.1:1".to_owned()) };
    let spine = stage.test.another().await.unwrap();
    let present = Present::open(spine, nowhere).await.unwrap();
    let routes = axum::Router::from(present::routes().with_state(present));
    let api = contracts::testing::RouterTransport::new(
        routes,
        contracts::testing::HouseholdPolicy::port(),
    );
    let anna = contracts::access::Caller::person(ANNA);
    let (status, body) = api.json(anna, "GET", "/present", None).await;
    assert_eq!((status, &body["type"]), (503, &"urn:sovereign:problem:unavailable".into()));
    let nonsense = PresentSettings { redis_url: Some("http://secret@x".to_owned()) };
    let refused = Present::open(stage.test.another().await.unwrap(), nonsense).await;
    let Err(PresentError::Settings(told)) = refused else { unreachable!("it was accepted") };
    assert!(!told.contains("secret"), "{told}");
    stage.running.stop().await;
}

#[tokio::test]
async fn several_nodes_share_a_redis_without_seeing_each_other() {
    let (one, other) = (Stage::redis().await, Stage::redis().await);
    one.report("presence", json!({"state": "home"})).await;
    assert_eq!(one.get("/present").await.1["items"].as_array().unwrap().len(), 1);
    assert_eq!(other.get("/present").await.1["items"].as_array().unwrap().len(), 0);
    one.running.stop().await;
    other.running.stop().await;
}

/// Redis writes its snapshots now and then: what it has after a start may be an hour old, and hold what was
/// erased since.
#[tokio::test]
async fn a_redis_that_starts_from_an_old_snapshot_is_told_anew() {
    let stage = Stage::redis().await;
    stage.report("battery", json!({"level": 80})).await;
    let (mut connection, prefix) = redis_of(&stage).await;
    let hash = format!("{prefix}state:device:{PHONE}");
    let old: String =
        redis::cmd("HGET").arg(&hash).arg("battery").query_async(&mut connection).await.unwrap();
    stage.pass(TimeDelta::minutes(2)).await;
    stage.report("battery", json!({"level": 20})).await;
    redis::pipe()
        .hset(&hash, "battery", &old)
        .hset(&hash, "erased", old.replace("battery", "erased"))
        .hset(
            format!("{prefix}state:person:{ANNA}"),
            "activity",
            old.replace("battery", "activity"),
        )
        .zadd(format!("{prefix}subjects"), format!("person:{ANNA}"), 0)
        .set(format!("{prefix}whole"), "the run before")
        .query_async::<()>(&mut connection)
        .await
        .unwrap();
    stage.pass(TimeDelta::seconds(61)).await;
    stage.pass(TimeDelta::seconds(1)).await;
    let (status, list) = stage.get("/present").await;
    assert_eq!(status, 200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    let facets = list["items"][0]["facets"].as_object().unwrap();
    assert_eq!(facets.keys().collect::<Vec<_>>(), ["battery"]);
    assert_eq!(facets["battery"]["value"]["level"], 20);
    stage.running.stop().await;
}

#[tokio::test]
async fn another_process_tells_the_same() {
    for redis_url in [None, Some(redis_url())] {
        let stage = Stage::start(redis_url.clone()).await;
        stage.place("Work", 0.0, None).await;
        stage.report("location", north(0.0)).await;
        stage.report("battery", json!({"level": 80})).await;
        let spine = stage.test.another().await.unwrap();
        let other = Present::open(spine, PresentSettings { redis_url }).await.unwrap();
        let api = contracts::testing::RouterTransport::new(
            axum::Router::from(present::routes().with_state(other)),
            contracts::testing::HouseholdPolicy::port(),
        );
        let anna = contracts::access::Caller::person(ANNA);
        assert_eq!(api.json(anna, "GET", "/present", None).await, stage.get("/present").await);
        stage.running.settle().await;
        assert_eq!(stage.announced().await.len(), 1);
        stage.running.stop().await;
    }
}

/// Told Redis, and then the transaction failed: what is decided again must come out the same.
#[tokio::test]
async fn a_batch_that_failed_after_redis_was_told_loses_no_announcement() {
    let stage = Stage::redis().await;
    stage.place("Work", 0.0, None).await;
    let pool = stage.test.spine.pool();
    sqlx::raw_sql(
        "CREATE TABLE public.refusing AS SELECT true AS so;
         CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN
                  IF EXISTS (SELECT FROM public.refusing) THEN RAISE EXCEPTION 'not now'; END IF;
                  RETURN new;
                END $$;
         CREATE TRIGGER refuse BEFORE INSERT ON spine.event FOR EACH ROW
             WHEN (new.type = 'present.StateChanged.v1') EXECUTE FUNCTION refuse();",
    )
    .execute(pool)
    .await
    .unwrap();
    let mut tx = stage.test.spine.begin(Cause::system()).await.unwrap();
    for number in 0..20_u32 {
        let metres = if number % 10 < 5 { 0.0 } else { 1_000.0 };
        tx.record(&reported(number, stage.now(), north(metres))).unwrap();
    }
    tx.commit().await.unwrap();
    // The newest of them is in Redis, and the handler fails.
    let (mut connection, prefix) = redis_of(&stage).await;
    let mut told: Option<String> = None;
    while !told.is_some_and(|told| told.contains("48.208")) {
        told = redis::cmd("HGET")
            .arg(format!("{prefix}state:person:{ANNA}"))
            .arg("location")
            .query_async(&mut connection)
            .await
            .unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.get(&format!("/present/person:{ANNA}/location")).await.0, 404);
    assert_eq!(stage.moves().await, []);
    sqlx::raw_sql("DELETE FROM public.refusing").execute(pool).await.unwrap();
    stage.running.settle().await;
    assert_eq!(stage.moves().await.len(), 4, "twice to work and away");
    stage.running.stop().await;
}

/// A handler may be given the same again, also long after.
#[tokio::test]
async fn events_that_are_replayed_change_nothing() {
    for stage in [Stage::embedded().await, Stage::redis().await] {
        stage.place("Work", 0.0, None).await;
        stage.report("location", north(0.0)).await;
        stage.pass(TimeDelta::seconds(30)).await;
        stage.report("sensor", json!({"name": "temperature", "value": 20.0})).await;
        stage.call_starts(Uuid::from_u128(1)).await;
        stage.call_changes(Uuid::from_u128(1), "completed").await;
        stage.report("location", north(5_000.0)).await;
        let announced = stage.announced().await.len();
        let window = format!("/present/device:{PHONE}/sensor.temperature/window");
        let before = (stage.get("/present").await, stage.get(&window).await);
        let replay =
            bus::replay(&stage.test.spine, "present.follow", ReplayRange::All).await.unwrap();
        loop {
            stage.running.settle().await;
            let all = bus::replays(&stage.test.spine, 10).await.unwrap();
            if all.iter().any(|one| one.id == replay && one.finished_at.is_some()) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!((stage.get("/present").await, stage.get(&window).await), before);
        assert_eq!(stage.announced().await.len(), announced);
        stage.running.stop().await;
    }
}

fn reported(number: u32, now: DateTime<Utc>, data: Value) -> DeviceReported {
    DeviceReported {
        device: PHONE,
        person: ANNA,
        report: number.to_string(),
        facet: "location".to_owned(),
        at: now - TimeDelta::seconds(600) + TimeDelta::seconds(i64::from(number)),
        data: data.as_object().cloned().unwrap(),
    }
}
