//! Workers that die, stall or stop.

use std::sync::Arc;

use chrono::Duration;
use spine::testing::TestSpine;
use spine::work::admin::State;
use spine::{Cause, SpineError};

use super::support::{
    Script, Stage, act, because, effects, jobs, make_effect_table, manual_clock, schedule, start,
    times_done, until,
};

#[tokio::test]
async fn two_processes_never_run_a_job_twice() {
    let test = TestSpine::start(&[]).await.unwrap();
    let other = test.another().await.unwrap();
    let stage = Stage::closed();
    let (one, two) = (start(&test.spine, &stage).await, start(&other, &stage).await);
    for chunk in 0..10 {
        let mut tx = test.spine.begin(Cause::system()).await.unwrap();
        for part in 0..50 {
            let job = act(&format!("{chunk}-{part}"), Script::Succeed);
            tx.schedule_with(&job, because()).unwrap();
        }
        tx.commit().await.unwrap();
    }
    until("all are done", async || jobs(&test.spine).await.is_empty()).await;
    let mut log = stage.log();
    assert_eq!(log.len(), 500);
    log.sort();
    log.dedup();
    assert_eq!(log.len(), 500);
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_lost_lease_commits_nothing() {
    let clock = manual_clock();
    let test = TestSpine::start_with(&[], clock.clone(), None).await.unwrap();
    make_effect_table(&test.spine).await;
    let stage = Stage::closed();
    let id = schedule(&test.spine, &act("a", Script::WaitAndWrite)).await;
    let running = start(&test.spine, &stage).await;
    until("it runs", async || stage.running("a") == 1).await;

    // Another worker claims it, as it would after the lease expired.
    sqlx::query("UPDATE spine.job SET claim = claim + 1, lease_until = $1")
        .bind(clock.now() + Duration::hours(1))
        .execute(test.spine.pool())
        .await
        .unwrap();
    stage.gate.add_permits(1);
    until("it is refused or stopped", async || stage.running("a") == 0).await;
    running.stop().await;
    assert_eq!(stage.count("a committed true"), 0);
    assert!(effects(&test.spine).await.is_empty());
    assert_eq!(times_done(&test.spine, id).await, 0);
    let job = &jobs(&test.spine).await[0];
    assert_eq!((job.state, job.failures), (State::Running, 0), "the other worker's run goes on");
}

#[tokio::test]
async fn completing_with_an_old_claim_is_refused() {
    let test = TestSpine::start(&[]).await.unwrap();
    let id = schedule(&test.spine, &act("a", Script::Succeed)).await;
    sqlx::query("UPDATE spine.job SET state = 1, claim = 2")
        .execute(test.spine.pool())
        .await
        .unwrap();
    let now = test.clock.now();
    let mut conn = test.spine.pool().acquire().await.unwrap();
    let refused = spine::work::complete_in(&mut conn, id, 1, now).await;
    assert!(matches!(refused, Err(SpineError::LeaseLost(lost)) if lost == id));
    spine::work::complete_in(&mut conn, id, 2, now).await.unwrap();
    assert_eq!(times_done(&test.spine, id).await, 1);
}

#[tokio::test]
async fn a_transaction_of_effects_and_completion_happens_once() {
    let test = TestSpine::start(&[]).await.unwrap();
    make_effect_table(&test.spine).await;
    let stage = Stage::closed();
    stage.gate.add_permits(1);
    let id = schedule(&test.spine, &act("a", Script::WaitAndWrite)).await;
    let running = start(&test.spine, &stage).await;
    running.settle().await;
    assert_eq!(effects(&test.spine).await, ["a"]);
    assert_eq!(times_done(&test.spine, id).await, 1);
    running.stop().await;
}

#[test]
fn jobs_of_a_killed_process_run_elsewhere() {
    let main = tokio::runtime::Runtime::new().unwrap();
    let doomed = tokio::runtime::Runtime::new().unwrap();
    let clock = manual_clock();
    let (test, stage) = main.block_on(async {
        let test = TestSpine::start_with(&[], clock.clone(), None).await.unwrap();
        let stage = Stage::closed();
        let mut tx = test.spine.begin(Cause::system()).await.unwrap();
        for part in 0..100 {
            tx.schedule_with(&act(&format!("{part}"), Script::Wait), because()).unwrap();
        }
        tx.commit().await.unwrap();
        (test, stage)
    });
    doomed.block_on(async {
        let other = test.another().await.unwrap();
        let running = start(&other, &stage).await;
        until("it has claimed", async || stage.log().len() >= 8).await;
        std::mem::forget(running);
    });
    doomed.shutdown_background();

    main.block_on(async {
        stage.gate.add_permits(1_000);
        let running = start(&test.spine, &stage).await;
        until("all the others are done", async || {
            jobs(&test.spine).await.iter().all(|job| job.state == State::Running)
        })
        .await;
        clock.advance(Duration::seconds(61));
        running.settle().await;
        assert!(jobs(&test.spine).await.is_empty());
        let done: i64 = sqlx::query_scalar("SELECT count(DISTINCT job_id) FROM spine.job_done")
            .fetch_one(test.spine.pool())
            .await
            .unwrap();
        assert_eq!(done, 100);
        running.stop().await;
        drop(test);
    });
}

#[tokio::test]
async fn a_stopping_process_gives_back_what_it_has_not_done() {
    let test = TestSpine::start(&[]).await.unwrap();
    let stage = Stage::closed();
    let running = start(&test.spine, &stage).await;
    let mut tx = test.spine.begin(Cause::system()).await.unwrap();
    for part in 0..40 {
        tx.schedule_with(&act(&format!("{part}"), Script::Wait), because()).unwrap();
    }
    tx.commit().await.unwrap();
    until("all workers are busy", async || stage.log().len() >= 8).await;
    running.stop().await;
    let left = jobs(&test.spine).await;
    assert_eq!(left.len(), 40);
    assert!(left.iter().all(|job| job.state == State::Ready && job.failures == 0));
    assert_eq!(Arc::strong_count(&stage), 1, "nothing of it still runs");
}
