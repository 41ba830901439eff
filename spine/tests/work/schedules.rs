//! Jobs by the clock.

use std::sync::Arc;

use chrono::{Duration, Timelike};
use spine::testing::TestSpine;
use spine::work::admin::State;
use spine::{JobOptions, Roles, Running, Runtime, Spine};

use super::support::{
    Act, Script, Stage, act, jobs, manual_clock, schedule_with, settings, start, until,
};

async fn start_with_cron(spine: &Spine, stage: &Arc<Stage>) -> Running {
    Runtime::new(spine.clone())
        .work_settings(settings())
        .job::<Act>(Arc::new(Arc::clone(stage)))
        .cron("test.hourly", "0 * * * *", act("hourly", Script::Succeed))
        .start(Roles { edge: false, workers: true, relay: true })
        .await
        .unwrap()
}

#[tokio::test]
async fn a_schedule_runs_once_over_two_processes_and_catches_up_once() {
    let clock = manual_clock();
    let test = TestSpine::start_with(&[], clock.clone(), None).await.unwrap();
    let other = test.another().await.unwrap();
    let stage = Stage::closed();
    let one = start_with_cron(&test.spine, &stage).await;
    let two = start_with_cron(&other, &stage).await;
    one.settle().await;
    assert!(stage.log().is_empty(), "not before its time");

    let to_the_hour = 3_600 - i64::from(clock.now().minute() * 60 + clock.now().second());
    clock.advance(Duration::seconds(to_the_hour));
    tokio::join!(one.settle(), two.settle());
    assert_eq!(stage.log().len(), 1);

    clock.advance(Duration::hours(5));
    tokio::join!(one.settle(), two.settle());
    assert_eq!(stage.log().len(), 2, "what was missed is caught up once");
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_deferred_job_runs_at_its_time_without_waiting_for_the_poll() {
    let test = TestSpine::start(&[]).await.unwrap();
    let stage = Stage::closed();
    let settings =
        spine::work::WorkSettings { poll: std::time::Duration::from_secs(3_600), ..settings() };
    let running = Runtime::new(test.spine.clone())
        .work_settings(settings)
        .job::<Act>(Arc::new(Arc::clone(&stage)))
        .start(super::support::WORKERS)
        .await
        .unwrap();
    let time = test.clock.now() + Duration::milliseconds(300);
    let options = JobOptions::default().at(time);
    schedule_with(&test.spine, &act("later", Script::Succeed), options).await;
    assert_eq!(jobs(&test.spine).await[0].state, State::Deferred);
    until("it is done", async || jobs(&test.spine).await.is_empty()).await;
    let late = test.clock.now() - time;
    assert!(late >= Duration::zero(), "{late}");
    running.stop().await;
}

#[tokio::test]
async fn a_deferred_job_waits_for_the_clock() {
    let clock = manual_clock();
    let test = TestSpine::start_with(&[], clock.clone(), None).await.unwrap();
    let stage = Stage::closed();
    let running = start(&test.spine, &stage).await;
    let options = JobOptions::default().at(clock.now() + Duration::days(3));
    schedule_with(&test.spine, &act("later", Script::Succeed), options).await;
    running.settle().await;
    assert!(stage.log().is_empty());
    clock.advance(Duration::days(3));
    running.settle().await;
    assert_eq!(stage.log(), ["later 1"]);
    running.stop().await;
}
