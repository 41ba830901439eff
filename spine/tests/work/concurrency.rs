//! Lanes, keys and pauses.

use std::sync::Arc;

use spine::testing::TestSpine;
use spine::work::admin::{self, Pausable, State};
use spine::{Cause, JobOptions, Lane};

use super::support::{Script, Stage, act, because, jobs, schedule, start, times_done, until};

#[tokio::test]
async fn a_keys_limit_holds_over_two_processes_and_slows_nobody_else() {
    let test = TestSpine::start(&[]).await.unwrap();
    let other = test.another().await.unwrap();
    let stage = Stage::closed();
    let (one, two) = (start(&test.spine, &stage).await, start(&other, &stage).await);

    let mut tx = test.spine.begin(Cause::system()).await.unwrap();
    for part in 0..60 {
        let options = because().part(part.to_string());
        tx.schedule_with(&act("slow", Script::Keyed(3)), options).unwrap();
    }
    tx.commit().await.unwrap();
    until("the key is full", async || stage.running("slow") == 3).await;

    let quick = schedule(&test.spine, &act("quick", Script::Succeed)).await;
    until("the quick one is done", async || times_done(&test.spine, quick).await == 1).await;
    until("the others are blocked", async || {
        jobs(&test.spine).await.iter().filter(|job| job.state == State::Blocked).count() == 57
    })
    .await;
    assert_eq!(stage.most_at_once("slow"), 3);

    stage.gate.add_permits(60);
    until("all are done", async || jobs(&test.spine).await.is_empty()).await;
    assert_eq!(stage.count("slow 1"), 60);
    assert_eq!(stage.most_at_once("slow"), 3);
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_paused_lane_and_a_paused_key_start_nothing_until_resumed() {
    let test = TestSpine::start(&[]).await.unwrap();
    let stage = Stage::closed();
    stage.gate.add_permits(10);
    let running = start(&test.spine, &stage).await;
    let (lane, key) = (Pausable::Lane(Lane::Interactive), Pausable::Key("keyed".to_owned()));

    assert!(admin::pause(&test.spine, &lane).await.unwrap());
    assert!(!admin::pause(&test.spine, &lane).await.unwrap());
    schedule(&test.spine, &act("a", Script::Succeed)).await;
    running.settle().await;
    assert!(stage.log().is_empty());
    assert!(admin::resume(&test.spine, &lane).await.unwrap());
    running.settle().await;
    assert_eq!(stage.log(), ["a 1"]);

    admin::pause(&test.spine, &key).await.unwrap();
    schedule(&test.spine, &act("keyed", Script::Keyed(1))).await;
    schedule(&test.spine, &act("b", Script::Succeed)).await;
    running.settle().await;
    assert_eq!(stage.log(), ["a 1", "b 1"]);
    assert_eq!(admin::paused(test.spine.pool()).await.unwrap()[0].0, key);
    admin::resume(&test.spine, &key).await.unwrap();
    running.settle().await;
    assert_eq!(stage.log(), ["a 1", "b 1", "keyed 1"]);
    running.stop().await;
}

#[tokio::test]
async fn a_higher_priority_goes_first_within_a_lane() {
    let test = TestSpine::start(&[]).await.unwrap();
    let stage = Stage::closed();
    let mut tx = test.spine.begin(Cause::system()).await.unwrap();
    for (name, priority) in [("low", -1), ("first", 0), ("second", 0), ("high", 7)] {
        let options = JobOptions { priority, ..JobOptions::default() };
        tx.schedule_with(&act(name, Script::Succeed), options).unwrap();
    }
    tx.commit().await.unwrap();
    let one_worker =
        spine::work::WorkSettings { reserved: [0, 1, 0], shared: 0, ..super::support::settings() };
    let running = spine::Runtime::new(test.spine.clone())
        .work_settings(one_worker)
        .job::<super::support::Act>(Arc::new(Arc::clone(&stage)))
        .start(super::support::WORKERS)
        .await
        .unwrap();
    running.settle().await;
    assert_eq!(stage.log(), ["high 1", "first 1", "second 1", "low 1"]);
    running.stop().await;
}
