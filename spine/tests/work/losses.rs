//! Jobs whose worker is killed, among them the one that kills it.

use chrono::Duration;
use spine::testing::TestSpine;
use spine::work::admin::{JobView, State};
use spine::{Cause, Clock, Runtime, Spine};

use super::support::{
    Script, Stage, WORKERS, act, because, jobs, manual_clock, settings, start, until,
};

/// A process that does nothing but look after the work of others.
async fn sweep(spine: &Spine) {
    let sweeper =
        Runtime::new(spine.clone()).work_settings(settings()).start(WORKERS).await.unwrap();
    sweeper.settle().await;
    sweeper.stop().await;
}

/// A node on which everything waits for the gate.
struct Doomed {
    main: tokio::runtime::Runtime,
    clock: Clock,
    test: TestSpine,
}

impl Doomed {
    fn with_jobs(count: usize) -> Self {
        let main = tokio::runtime::Runtime::new().unwrap();
        let clock = manual_clock();
        let test = main.block_on(async {
            let test = TestSpine::start_with(&[], clock.clone(), None).await.unwrap();
            let mut tx = test.spine.begin(Cause::system()).await.unwrap();
            for part in 0..count {
                tx.schedule_with(&act(&format!("{part}"), Script::Wait), because()).unwrap();
            }
            tx.commit().await.unwrap();
            test
        });
        Self { main, clock, test }
    }

    /// Starts a process and kills it while it holds `held` jobs; what it held is then taken back.
    fn crash(&self, held: usize) {
        let process = tokio::runtime::Runtime::new().unwrap();
        process.block_on(async {
            let stage = Stage::closed();
            let other = self.test.another().await.unwrap();
            let running = start(&other, &stage).await;
            until("it holds them", async || {
                let running =
                    jobs(&other).await.into_iter().filter(|job| job.state == State::Running);
                running.count() == held && !stage.log().is_empty()
            })
            .await;
            std::mem::forget(running);
        });
        process.shutdown_background();
        self.clock.advance(Duration::seconds(61));
        self.main.block_on(sweep(&self.test.spine));
    }

    fn jobs(&self) -> Vec<JobView> {
        self.main.block_on(jobs(&self.test.spine))
    }
}

#[test]
fn what_was_beside_a_job_that_kills_its_worker_is_not_charged_for_it() {
    let node = Doomed::with_jobs(20);
    node.crash(20);
    let left = node.jobs();
    assert!(left.iter().all(|job| (job.state, job.failures, job.losses) == (State::Ready, 0, 1)));

    node.crash(20);
    let left = node.jobs();
    assert!(left.iter().all(|job| (job.failures, job.losses) == (0, 2)), "all are suspects");

    // From now on a process holds one of them at a time, and only that one is charged.
    node.crash(1);
    let charged: Vec<_> = node.jobs().into_iter().filter(|job| job.failures > 0).collect();
    assert_eq!(charged.len(), 1);
    assert_eq!((charged[0].state, charged[0].failures), (State::Deferred, 1));
    assert!(charged[0].run_at > node.clock.now(), "the node gets some peace in between");
    assert!(charged[0].last_error.as_deref().is_some_and(|error| error.contains("on trial")));

    // Whoever does no harm is done, one after the other.
    node.clock.advance(Duration::hours(1));
    node.main.block_on(async {
        let stage = Stage::closed();
        stage.gate.add_permits(100);
        let running = start(&node.test.spine, &stage).await;
        running.settle().await;
        assert!(jobs(&node.test.spine).await.is_empty());
        assert_eq!(stage.log().len(), 20);
        running.stop().await;
    });
}

#[test]
fn a_job_that_kills_its_worker_again_and_again_is_a_dead_letter() {
    let node = Doomed::with_jobs(1);
    for _ in 0..5 {
        let left = node.jobs();
        assert_ne!(left[0].state, State::Dead, "{left:?}");
        node.crash(1);
        node.clock.advance(Duration::hours(1));
    }
    let left = node.jobs();
    assert_eq!((left[0].state, left[0].failures), (State::Dead, 3));
}

#[tokio::test]
async fn an_attempt_that_ends_in_an_orderly_way_clears_a_job_of_suspicion() {
    let clock = manual_clock();
    let test = TestSpine::start_with(&[], clock.clone(), None).await.unwrap();
    let stage = Stage::closed();
    super::support::schedule(&test.spine, &act("a", Script::Fail)).await;
    sqlx::query("UPDATE spine.job SET losses = 2, state = 2")
        .execute(test.spine.pool())
        .await
        .unwrap();
    let running = start(&test.spine, &stage).await;
    running.settle().await;
    let job = &jobs(&test.spine).await[0];
    assert_eq!((job.state, job.failures, job.losses), (State::Deferred, 1, 0));
    running.stop().await;
}

#[tokio::test]
async fn a_suspect_waits_for_its_key_and_for_its_lane() {
    let test = TestSpine::start(&[]).await.unwrap();
    let stage = Stage::closed();
    let running = start(&test.spine, &stage).await;
    super::support::schedule(&test.spine, &act("k", Script::Keyed(1))).await;
    until("the key is full", async || stage.running("k") == 1).await;
    let suspect = super::support::schedule(&test.spine, &act("k", Script::Keyed(1))).await;
    until("it is blocked", async || {
        jobs(&test.spine).await.iter().any(|job| job.id == suspect && job.state == State::Blocked)
    })
    .await;
    sqlx::query("UPDATE spine.job SET losses = 2 WHERE job_id = $1")
        .bind(suspect)
        .execute(test.spine.pool())
        .await
        .unwrap();
    let lane = spine::work::admin::Pausable::Lane(spine::Lane::Interactive);
    spine::work::admin::pause(&test.spine, &lane).await.unwrap();
    stage.gate.add_permits(2);
    running.settle().await;
    let job = &jobs(&test.spine).await[0];
    assert_eq!((job.id, job.state), (suspect, State::Deferred), "it waits for its trial");
    spine::work::admin::resume(&test.spine, &lane).await.unwrap();
    running.settle().await;
    assert!(jobs(&test.spine).await.is_empty());
    assert_eq!(stage.most_at_once("k"), 1);
    running.stop().await;
}
