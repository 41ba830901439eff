//! The database takes nothing for a while: nobody is to blame.

use chrono::Duration;
use http::StatusCode;
use spine::testing::TestSpine;
use spine::work::admin::State;
use spine::{Problem, is_away};

use super::batches::{self, Kind};
use super::support::{
    Script, Stage, act, effects, jobs, make_effect_table, make_fail_function, manual_clock,
    mend_fail_function, schedule, start,
};

/// Disk full, out of connections, shutting down, read-only; deadlock, serialization, lock timeout.
const NOBODYS_FAULT: [&str; 7] = ["53100", "53300", "57P01", "25006", "40P01", "40001", "55P03"];

#[tokio::test]
async fn what_the_database_cannot_take_now_is_done_later_and_no_attempt_is_lost() {
    let clock = manual_clock();
    let test = TestSpine::start_with(&[], clock.clone(), None).await.unwrap();
    make_fail_function(&test.spine).await;
    let stage = Stage::closed();
    let running = start(&test.spine, &stage).await;
    for code in NOBODYS_FAULT {
        schedule(&test.spine, &act(code, Script::Refused(code.to_owned()))).await;
    }
    // More often than it may fail.
    for _ in 0..5 {
        running.settle().await;
        for job in jobs(&test.spine).await {
            assert_eq!((job.state, job.failures), (State::Deferred, 0), "{job:?}");
            let wait = (job.run_at - clock.now()).num_milliseconds();
            assert!((1_999..=5_000).contains(&wait), "{wait} ms");
        }
        clock.advance(Duration::seconds(6));
    }
    mend_fail_function(&test.spine).await;
    running.settle().await;
    assert!(jobs(&test.spine).await.is_empty());
    running.stop().await;
}

#[tokio::test]
async fn what_was_asked_wrongly_or_always_takes_too_long_is_a_failed_attempt() {
    let test = TestSpine::start(&[]).await.unwrap();
    make_fail_function(&test.spine).await;
    let stage = Stage::closed();
    let running = start(&test.spine, &stage).await;
    for code in ["23505", "42P01", "57014"] {
        schedule(&test.spine, &act(code, Script::Refused(code.to_owned()))).await;
    }
    running.settle().await;
    let left = jobs(&test.spine).await;
    assert_eq!(left.len(), 3);
    assert!(left.iter().all(|job| job.failures == 1), "{left:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_batch_waits_as_a_whole_until_the_database_is_back() {
    let clock = manual_clock();
    let test = TestSpine::start_with(&[], clock.clone(), None).await.unwrap();
    make_effect_table(&test.spine).await;
    make_fail_function(&test.spine).await;
    let stage = Stage::closed();
    batches::write(&test.spine, &[Kind::Good, Kind::DiskFull, Kind::Good]).await;
    let running = batches::start(&test.spine, &stage).await;
    for _ in 0..2 {
        running.settle().await;
        let left = jobs(&test.spine).await;
        assert_eq!(left.len(), 3);
        assert!(left.iter().all(|job| (job.state, job.failures) == (State::Deferred, 0)));
        clock.advance(Duration::seconds(6));
    }
    assert!(!stage.log().contains(&"batch of 1".to_owned()), "{:?}", stage.log());
    mend_fail_function(&test.spine).await;
    running.settle().await;
    assert_eq!(effects(&test.spine).await.len(), 3);
    running.stop().await;
}

#[tokio::test]
async fn callers_are_told_to_come_again_when_it_is_not_their_fault() {
    let test = TestSpine::start(&[]).await.unwrap();
    make_fail_function(&test.spine).await;
    let ask = async |code: &str| {
        let asked = sqlx::query("SELECT fail($1)").bind(code).execute(test.spine.pool()).await;
        asked.unwrap_err()
    };
    for code in NOBODYS_FAULT.into_iter().chain(["25P03", "57014"]) {
        let status = Problem::from(ask(code).await).status();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{code}");
    }
    for code in ["23505", "42P01", "XX000"] {
        let status = Problem::from(ask(code).await).status();
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{code}");
    }
    assert!(is_away(&ask("53100").await));
    // Of a group it says nothing about the others: each is tried alone.
    assert!(!is_away(&ask("40P01").await));
}
