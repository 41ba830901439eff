//! What was erased does not stay in the queue.

use chrono::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spine::testing::TestSpine;
use spine::work::admin::{self, JobFilter, State};
use spine::{Cause, EventData, JobId, JobOptions, Roles, Runtime, Spine};

use super::support::{
    Act, Script, Stage, act, jobs, manual_clock, schedule_with, settings, start, times_done,
};

/// Sealed under whom it is about.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Said {
    who: String,
}

impl EventData for Said {
    const TYPE: &'static str = "test.Said.v1";
    const SOURCE: &'static str = "test";

    fn subject(&self) -> String {
        self.who.clone()
    }
}

/// An event about them, and a job because of it.
async fn say(spine: &Spine, who: &str, script: Script) -> JobId {
    let mut tx = spine.begin(Cause::system()).await.unwrap();
    let event = tx.record(&Said { who: who.to_owned() }).unwrap();
    let options = JobOptions::because_of(event).about(who);
    let id = tx.schedule_with(&act(&format!("said by {who}"), script), options).unwrap();
    tx.commit().await.unwrap();
    id
}

async fn erase(spine: &Spine, who: &str) {
    let mut tx = spine.begin(Cause::system()).await.unwrap();
    Spine::erase(&mut tx, who).await.unwrap();
    tx.commit().await.unwrap();
}

async fn discarded(spine: &Spine) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM spine.job_done WHERE discarded")
        .fetch_one(spine.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn erasing_throws_away_dead_letters_about_it_and_no_others() {
    let test = TestSpine::start(&[]).await.unwrap();
    let stage = Stage::closed();
    let running = start(&test.spine, &stage).await;
    let alice = say(&test.spine, "alice", Script::GiveUp).await;
    let bob = say(&test.spine, "bob", Script::GiveUp).await;
    let nobody = schedule_with(&test.spine, &act("x", Script::GiveUp), JobOptions::default()).await;
    running.settle().await;
    assert_eq!(jobs(&test.spine).await.len(), 3);

    let mut tx = test.spine.begin(Cause::system()).await.unwrap();
    Spine::erase(&mut tx, "alice").await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(jobs(&test.spine).await.len(), 3, "it was not erased");

    erase(&test.spine, "alice").await;
    let left: Vec<_> = jobs(&test.spine).await.into_iter().map(|job| job.id).collect();
    assert_eq!(left, [nobody, bob]);
    assert_eq!(times_done(&test.spine, alice).await, 1);
    assert_eq!(discarded(&test.spine).await, 1);
    running.stop().await;
}

#[tokio::test]
async fn a_job_that_dies_after_its_subject_was_erased_leaves_no_dead_letter() {
    let clock = manual_clock();
    let test = TestSpine::start_with(&[], clock.clone(), None).await.unwrap();
    let stage = Stage::closed();
    say(&test.spine, "alice", Script::GiveUp).await;
    say(&test.spine, "bob", Script::GiveUp).await;
    clock.advance(Duration::seconds(1));
    erase(&test.spine, "alice").await;

    // It waits, as it would while its lane is paused: nobody is shown what is in it.
    let waiting = jobs(&test.spine).await;
    assert_eq!(waiting.len(), 2);
    for job in &waiting {
        let readable = job.payload.as_deref().is_some_and(|text| text.contains("said by bob"));
        assert_eq!(readable, job.subject.as_deref() == Some("bob"), "{job:?}");
    }
    assert!(waiting.iter().any(|job| job.payload.is_none()));

    // What is said after an erasure is sealed under a new key: it is not erased.
    clock.advance(Duration::seconds(1));
    let later = say(&test.spine, "alice", Script::GiveUp).await;
    let running = start(&test.spine, &stage).await;
    running.settle().await;
    let left = jobs(&test.spine).await;
    assert_eq!(left.len(), 2);
    assert_eq!((left[0].id, left[0].state), (later, State::Dead));
    assert!(left.iter().all(|job| job.payload.is_some()));
    assert_eq!(discarded(&test.spine).await, 1);
    running.stop().await;
}

#[tokio::test]
async fn a_dead_letter_that_nobody_looks_after_ends_some_day() {
    let clock = manual_clock();
    let test = TestSpine::start_with(&[], clock.clone(), None).await.unwrap();
    let stage = Stage::closed();
    let keep_house = async || {
        let running = Runtime::new(test.spine.clone())
            .work_settings(settings())
            .job::<Act>(std::sync::Arc::new(std::sync::Arc::clone(&stage)))
            .start(Roles { edge: false, workers: true, relay: true })
            .await
            .unwrap();
        running.settle().await;
        running.stop().await;
    };
    schedule_with(&test.spine, &act("old", Script::GiveUp), JobOptions::default()).await;
    keep_house().await;
    clock.advance(Duration::days(29));
    schedule_with(&test.spine, &act("new", Script::GiveUp), JobOptions::default()).await;
    keep_house().await;
    assert_eq!(jobs(&test.spine).await.len(), 2);
    clock.advance(Duration::days(2));
    keep_house().await;
    let left = admin::list(test.spine.pool(), &JobFilter::default(), 9).await.unwrap();
    assert_eq!(left.len(), 1);
    assert!(left[0].payload.as_deref().is_some_and(|text| text.contains("new")));
    assert_eq!(discarded(&test.spine).await, 1);
}
