//! What becomes of jobs that fail.

use chrono::Duration;
use spine::testing::TestSpine;
use spine::work::admin::{self, JobFilter, State};
use spine::{EventId, JobOptions};

use super::support::{
    Script, Stage, act, jobs, manual_clock, schedule, schedule_with, start, times_done,
};

#[tokio::test]
async fn a_failed_job_waits_its_backoff_and_is_dead_after_the_last_attempt() {
    let clock = manual_clock();
    let test = TestSpine::start_with(&[], clock.clone(), None).await.unwrap();
    let stage = Stage::closed();
    let running = start(&test.spine, &stage).await;
    schedule(&test.spine, &act("a", Script::Fail)).await;

    for attempt in 1..3_u16 {
        running.settle().await;
        let job = &jobs(&test.spine).await[0];
        assert_eq!(job.state, State::Deferred);
        assert_eq!(job.failures, attempt);
        let wait = (job.run_at - clock.now()).num_seconds();
        let backoff = i64::from(attempt) * 100;
        assert!((backoff..=backoff + backoff / 4).contains(&wait), "attempt {attempt}: {wait} s");
        clock.advance(Duration::seconds(backoff - 1));
        running.settle().await;
        assert_eq!(stage.log().len(), usize::from(attempt), "not before its time");
        clock.advance(Duration::seconds(1 + backoff / 4));
    }
    running.settle().await;
    let job = &jobs(&test.spine).await[0];
    assert_eq!((job.state, job.failures), (State::Dead, 3));
    assert_eq!(job.last_error.as_deref(), Some("it rains"));
    assert_eq!(stage.log(), ["a 1", "a 2", "a 3"]);
    running.stop().await;
}

#[tokio::test]
async fn to_be_told_when_to_come_again_is_no_failed_attempt() {
    let clock = manual_clock();
    let test = TestSpine::start_with(&[], clock.clone(), None).await.unwrap();
    let stage = Stage::closed();
    let running = start(&test.spine, &stage).await;
    let id = schedule(&test.spine, &act("a", Script::Postpone { seconds: 30, until: 5 })).await;
    for _ in 0..4 {
        running.settle().await;
        let job = &jobs(&test.spine).await[0];
        assert_eq!((job.state, job.failures), (State::Deferred, 0));
        let wait = (job.run_at - clock.now()).num_milliseconds();
        assert!((29_999..=30_000).contains(&wait), "{wait} ms");
        clock.advance(Duration::seconds(30));
    }
    running.settle().await;
    assert_eq!(times_done(&test.spine, id).await, 1);
    assert_eq!(stage.count("a 1"), 5);
    running.stop().await;
}

#[tokio::test]
async fn a_panic_fails_the_attempt_and_the_process_goes_on() {
    let test = TestSpine::start(&[]).await.unwrap();
    let stage = Stage::closed();
    let running = start(&test.spine, &stage).await;
    schedule(&test.spine, &act("bad", Script::Panic)).await;
    let good = schedule(&test.spine, &act("good", Script::Succeed)).await;
    running.settle().await;
    assert_eq!(times_done(&test.spine, good).await, 1);
    let job = &jobs(&test.spine).await[0];
    assert_eq!((job.state, job.failures), (State::Deferred, 1));
    assert_eq!(job.last_error.as_deref(), Some("panicked: at the disco"));
    running.stop().await;
}

#[tokio::test]
async fn dead_letters_are_retried_or_discarded_by_filter() {
    let test = TestSpine::start(&[]).await.unwrap();
    let stage = Stage::closed();
    let running = start(&test.spine, &stage).await;
    let event = EventId::new();
    let options = JobOptions::because_of(event);
    let first = schedule_with(&test.spine, &act("a", Script::GiveUp), options.clone()).await;
    schedule_with(&test.spine, &act("b", Script::GiveUp), options.clone().part("b")).await;
    running.settle().await;
    assert!(jobs(&test.spine).await.iter().all(|job| job.state == State::Dead));

    let nothing = JobFilter { error: Some("other".to_owned()), ..JobFilter::default() };
    assert_eq!(admin::retry_dead(&test.spine, &nothing).await.unwrap(), 0);
    let one = JobFilter { id: Some(first), ..JobFilter::default() };
    assert_eq!(admin::retry_dead(&test.spine, &one).await.unwrap(), 1);
    running.settle().await;
    assert_eq!(stage.count("a 1"), 2, "it has all its attempts again");
    assert_eq!(stage.count("b 1"), 1);

    let all = JobFilter {
        kind: Some("test.act".to_owned()),
        error: Some("no use".to_owned()),
        ..JobFilter::default()
    };
    assert_eq!(admin::discard_dead(&test.spine, &all).await.unwrap(), 2);
    assert!(jobs(&test.spine).await.is_empty());
    schedule_with(&test.spine, &act("a", Script::GiveUp), options).await;
    assert!(jobs(&test.spine).await.is_empty(), "discarded is done: a repeat is a no-op");
    let history = admin::history(test.spine.pool(), test.clock.now() - Duration::days(1)).await;
    assert_eq!(history.unwrap().iter().map(|day| day.discarded).sum::<u64>(), 2);
    running.stop().await;
}
