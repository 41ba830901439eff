//! A job is unique by its kind, its event and its part.

use chrono::Duration;
use spine::testing::TestSpine;
use spine::{Cause, EventId, JobOptions};

use super::support::{Script, Stage, act, jobs, manual_clock, schedule_with, start, times_done};

#[tokio::test]
async fn a_repeat_is_a_no_op_while_the_job_waits_and_after_it_is_done() {
    let test = TestSpine::start(&[]).await.unwrap();
    let stage = Stage::closed();
    let event = EventId::new();
    let first =
        schedule_with(&test.spine, &act("once", Script::Succeed), JobOptions::because_of(event))
            .await;
    let repeat =
        schedule_with(&test.spine, &act("again", Script::Succeed), JobOptions::because_of(event))
            .await;
    assert_eq!(first, repeat);
    assert_eq!(jobs(&test.spine).await.len(), 1);

    let running = start(&test.spine, &stage).await;
    running.settle().await;
    schedule_with(&test.spine, &act("later", Script::Succeed), JobOptions::because_of(event)).await;
    running.settle().await;
    assert_eq!(stage.log(), ["once 1"]);
    assert_eq!(times_done(&test.spine, first).await, 1);
    running.stop().await;
}

#[tokio::test]
async fn parts_and_events_tell_jobs_apart_and_no_event_makes_every_job_new() {
    let test = TestSpine::start(&[]).await.unwrap();
    let event = EventId::new();
    let job = act("some", Script::Succeed);
    let mut tx = test.spine.begin(Cause::system()).await.unwrap();
    for options in [
        JobOptions::because_of(event),
        JobOptions::because_of(event).part("a"),
        JobOptions::because_of(event).part("b"),
        JobOptions::because_of(event).part("b"),
        JobOptions::because_of(EventId::new()),
        JobOptions::default(),
        JobOptions::default(),
    ] {
        tx.schedule_with(&job, options).unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(jobs(&test.spine).await.len(), 6);
}

#[tokio::test]
async fn of_two_transactions_with_the_same_key_one_enqueues() {
    let test = TestSpine::start(&[]).await.unwrap();
    let options = JobOptions::because_of(EventId::new());
    let mut tx = test.spine.begin(Cause::system()).await.unwrap();
    tx.schedule_with(&act("a", Script::Succeed), options.clone()).unwrap();
    let mut other = test.spine.begin(Cause::system()).await.unwrap();
    other.schedule_with(&act("b", Script::Succeed), options).unwrap();
    let (one, two) = tokio::join!(tx.commit(), other.commit());
    one.unwrap();
    two.unwrap();
    assert_eq!(jobs(&test.spine).await.len(), 1);
}

#[tokio::test]
async fn jobs_of_a_rolled_back_transaction_never_run() {
    let test = TestSpine::start(&[]).await.unwrap();
    let mut tx = test.spine.begin(Cause::system()).await.unwrap();
    tx.schedule(&act("never", Script::Succeed)).unwrap();
    tx.rollback().await.unwrap();
    assert!(jobs(&test.spine).await.is_empty());
}

#[tokio::test]
async fn a_job_that_still_waits_when_its_key_is_forgotten_is_not_scheduled_again() {
    let clock = manual_clock();
    let test = TestSpine::start_with(&[], clock.clone(), None).await.unwrap();
    let events = [EventId::new(), EventId::new(), EventId::new()];
    let schedule_for = async |events: &[EventId]| {
        let mut tx = test.spine.begin(Cause::system()).await.unwrap();
        for event in events {
            let options = JobOptions::because_of(*event);
            tx.schedule_with(&act("patient", Script::Succeed), options).unwrap();
        }
        tx.commit().await.unwrap();
    };
    schedule_for(&events[..2]).await;
    // Housekeeping drops the keys of days that are over.
    clock.advance(Duration::days(8));
    sqlx::query("DELETE FROM spine.job_key").execute(test.spine.pool()).await.unwrap();
    // A replay delivers the events again: one by one, and many with one that is new.
    schedule_for(&events[..1]).await;
    schedule_for(&events).await;
    assert_eq!(jobs(&test.spine).await.len(), 3);
    schedule_for(&events).await;
    assert_eq!(jobs(&test.spine).await.len(), 3);
}
