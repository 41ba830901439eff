//! Runs: pages, cursors, failures, schedules.

use std::time::Duration;

use chrono::TimeDelta;
use connectors::{AccountChange, AccountState, NewAccount};
use contracts::access::SpaceId;
use contracts::events::connectors::{AccountChanged, DataReceived};
use contracts::plugins::{ConnectorBatch, PluginError, PluginFailure};
use serde_json::json;
use spine::work::admin::{self, JobFilter, State};
use spine::{Cause, Spine};
use uuid::Uuid;

use crate::support::{Answer, OWNER, Stage, page};

fn changes(stage: &Stage) -> Vec<String> {
    stage.heard::<AccountChanged>().into_iter().map(|event| event.change).collect()
}

async fn runs(stage: &Stage, account: Uuid) -> Vec<(String, i32, i64, Option<String>)> {
    sqlx::query_as(
        "SELECT outcome, pages, records, error FROM connectors.run WHERE account = $1 ORDER BY id",
    )
    .bind(account)
    .fetch_all(stage.test.spine.pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn a_run_lands_each_record_once_page_by_page_and_the_next_goes_on_from_there() {
    let stage = Stage::new().await;
    stage
        .source
        .says([Answer::Page(page(0..150, "a", true)), Answer::Page(page(150..160, "b", false))]);
    let account = stage.add().await;
    stage.settle().await;
    let landed = stage.landed();
    assert_eq!(landed.iter().map(Vec::len).collect::<Vec<_>>(), [100, 50, 10]);
    assert_eq!(landed.concat(), (0..160).collect::<Vec<_>>());
    let first = &stage.heard::<DataReceived>()[0];
    assert_eq!((first.owner, &*first.plugin_version), (OWNER, "1.0.0"));
    assert_eq!(
        (first.labels.clone(), first.space.clone()),
        (vec!["news".to_owned()], account.space)
    );

    let synced = stage.account(account.id).await;
    assert_eq!(synced.last_sync_at, Some(stage.test.clock.now()));
    assert_eq!(synced.cursor_version, 2);
    assert_eq!(runs(&stage, account.id).await, [("done".to_owned(), 2, 160, None)]);

    stage.later(700).await;
    assert_eq!(stage.source.calls(), [None, Some("a".to_owned()), Some("b".to_owned())]);
    assert_eq!(stage.landed().len(), 3, "nothing new, nothing lands");
    stage.running.stop().await;
}

#[tokio::test]
async fn a_process_that_dies_between_pages_loses_no_record_and_lands_none_twice() {
    let mut stage = Stage::new().await;
    stage.source.says([Answer::Page(page(0..3, "a", true)), Answer::Hang]);
    stage.add().await;
    let source = stage.source.clone();
    stage.until(async || source.calls().len() == 2).await;
    stage = stage.killed().await;
    stage.source.says([Answer::Page(page(3..5, "b", false))]);
    stage.settle().await;
    assert_eq!(stage.landed(), [vec![0, 1, 2], vec![3, 4]]);
    let again = [None, Some("a".to_owned()), Some("a".to_owned())];
    assert_eq!(stage.source.calls(), again, "the page that nobody has seen is asked for again");
    stage.running.stop().await;
}

#[tokio::test]
async fn a_page_that_comes_after_its_account_was_reset_is_dropped() {
    let stage = Stage::new().await;
    stage
        .source
        .says([Answer::Gated(page(0..3, "old", true)), Answer::Page(page(10..12, "new", false))]);
    let account = stage.add().await;
    let source = stage.source.clone();
    stage.until(async || source.calls().len() == 1).await;
    assert!(stage.connectors.resync(&account, Cause::system()).await.unwrap());
    stage.source.gate.add_permits(1);
    stage.settle().await;
    assert_eq!(stage.landed(), [vec![10, 11]]);
    assert_eq!(stage.source.calls(), [None, None]);
    assert_eq!(changes(&stage), ["added", "resync"]);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_page_lands_where_its_account_belongs_when_it_lands() {
    let stage = Stage::new().await;
    stage.source.says([Answer::Gated(page([1], "a", false))]);
    let account = stage.add().await;
    let source = stage.source.clone();
    stage.until(async || source.calls().len() == 1).await;
    let consent = Uuid::now_v7();
    let change = AccountChange {
        space: Some(SpaceId::household()),
        labels: Some(vec!["finance".to_owned()]),
        consent: Some(Some(consent)),
        ..AccountChange::default()
    };
    stage.connectors.change(account, change, Cause::system()).await.unwrap();
    stage.source.gate.add_permits(1);
    stage.settle().await;
    let received = stage.heard::<DataReceived>().remove(0);
    assert_eq!((received.space, received.consent), (SpaceId::household(), Some(consent)));
    assert_eq!(received.labels, ["finance"]);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_page_that_was_asked_for_with_other_settings_does_not_land() {
    let stage = Stage::new().await;
    stage.source.says([Answer::Gated(page([1], "a", false)), Answer::Page(page([2], "b", false))]);
    let account = stage.add().await;
    let source = stage.source.clone();
    stage.until(async || source.calls().len() == 1).await;
    let config = Some(json!({ "url": "https://other.example/feed" }));
    let change = AccountChange { config, ..AccountChange::default() };
    stage.connectors.change(account, change, Cause::system()).await.unwrap();
    stage.source.gate.add_permits(1);
    stage.settle().await;
    assert_eq!(stage.landed(), [vec![2]]);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_run_that_gives_way_is_not_told_as_one_that_goes_on() {
    let stage = Stage::new().await;
    stage.source.says([Answer::Page(page([1], "a", true)), Answer::Gated(page([2], "b", true))]);
    let account = stage.add().await;
    let source = stage.source.clone();
    stage.until(async || source.calls().len() == 2).await;
    stage.connectors.pause(account.clone(), Cause::system()).await.unwrap();
    stage.source.gate.add_permits(1);
    stage.settle().await;
    let run = runs(&stage, account.id).await.remove(0);
    assert_eq!((run.0.as_str(), run.1, run.2), ("stopped", 1, 1));
    assert!(run.3.unwrap().contains("paused"));
    stage.running.stop().await;
}

#[tokio::test]
async fn a_name_that_changes_does_not_hide_what_went_wrong_meanwhile() {
    let stage = Stage::new().await;
    stage.source.says([Answer::Gated(page([1], "a", false))]);
    let seen = stage.add().await;
    stage.source.gate.add_permits(1);
    stage.settle().await;
    stage.source.fails(PluginFailure::Failed("500 Internal Server Error".to_owned()));
    stage.connectors.sync_now(seen.id, Cause::system()).await.unwrap();
    stage.settle().await;
    let change = AccountChange { name: Some("Old".to_owned()), ..AccountChange::default() };
    let renamed = stage.connectors.change(seen, change, Cause::system()).await.unwrap();
    assert_eq!((renamed.name.as_str(), renamed.consecutive_failures), ("Old", 1));
    assert!(renamed.last_error.is_some());
    stage.running.stop().await;
}

#[tokio::test]
async fn a_paused_account_takes_no_page_that_was_under_way() {
    let stage = Stage::new().await;
    stage.source.says([Answer::Gated(page(0..3, "a", false))]);
    let account = stage.add().await;
    let source = stage.source.clone();
    stage.until(async || source.calls().len() == 1).await;
    stage.connectors.pause(account.clone(), Cause::system()).await.unwrap();
    stage.source.gate.add_permits(1);
    stage.later(7_200).await;
    assert!(stage.landed().is_empty());
    assert_eq!(stage.source.calls().len(), 1, "nor is it asked by its schedule");
    let paused = stage.account(account.id).await;
    stage.source.says([Answer::Page(page(0..3, "a", false))]);
    stage.connectors.resume(paused, Cause::system()).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.landed(), [vec![0, 1, 2]]);
    assert_eq!(changes(&stage), ["added", "paused", "resumed"]);
    stage.running.stop().await;
}

#[tokio::test]
async fn an_expired_cursor_begins_a_full_sync() {
    let stage = Stage::new().await;
    stage.source.says([Answer::Page(page([1], "a", false))]);
    let account = stage.add().await;
    stage.settle().await;
    stage.source.fails(PluginFailure::CursorExpired);
    stage.source.says([Answer::Page(page([1, 2], "b", false))]);
    stage.connectors.sync_now(account.id, Cause::system()).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.source.calls(), [None, Some("a".to_owned()), None]);
    assert_eq!(stage.landed(), [vec![1], vec![1, 2]]);
    assert_eq!(changes(&stage), ["added", "resync"]);
    // A source that refuses even no cursor is a failing one, and not asked for ever.
    stage.connectors.resync(&account, Cause::system()).await.unwrap();
    stage.source.fails(PluginFailure::CursorExpired);
    stage.settle().await;
    assert_eq!(stage.source.calls().len(), 4);
    assert_eq!(stage.account(account.id).await.consecutive_failures, 1);
    stage.running.stop().await;
}

#[tokio::test]
async fn retry_after_binds_every_run_of_the_account() {
    let stage = Stage::new().await;
    let reason = "429 Too Many Requests".to_owned();
    let after = Some(Duration::from_secs(1_000));
    stage.source.fails(PluginFailure::Retry { after, reason: reason.clone() });
    let account = stage.add().await;
    stage.settle().await;
    let waiting = stage.account(account.id).await;
    assert_eq!(waiting.last_error.as_ref(), Some(&reason));
    assert_eq!(waiting.not_before, Some(stage.test.clock.now() + TimeDelta::seconds(1_000)));
    // Neither the schedule (600 s) nor anybody's wish is stronger than the source's.
    stage.later(700).await;
    stage.connectors.sync_now(account.id, Cause::system()).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.source.calls().len(), 1);
    stage.source.says([Answer::Page(page([1], "a", false))]);
    stage.later(400).await;
    assert_eq!(stage.source.calls().len(), 2, "the run that waited does for all");
    let healthy = stage.account(account.id).await;
    assert_eq!(
        (healthy.last_error, healthy.not_before, healthy.consecutive_failures),
        (None, None, 0)
    );
    assert_eq!(stage.landed(), [vec![1]]);
    stage.running.stop().await;
}

#[tokio::test]
async fn whoever_asks_while_the_source_wants_its_rest_gets_one_run_together() {
    let stage = Stage::new().await;
    let after = Some(Duration::from_secs(7_200));
    stage.source.fails(PluginFailure::Retry { after, reason: "429".to_owned() });
    let account = stage.add().await;
    stage.settle().await;
    // Longer apart than a run may be lost for.
    for _ in 0..6 {
        stage.later(660).await;
        stage.connectors.sync_now(account.id, Cause::system()).await.unwrap();
    }
    assert_eq!(stage.source.calls().len(), 1);
    stage.later(3_300).await;
    assert_eq!(stage.source.calls().len(), 2);
    stage.running.stop().await;
}

#[tokio::test]
async fn retry_after_binds_also_when_a_run_has_given_up() {
    let stage = Stage::new().await;
    let after = Some(Duration::from_secs(2_000));
    for _ in 0..10 {
        stage.source.fails(PluginFailure::Retry { after, reason: "429".to_owned() });
    }
    let account = stage.add().await;
    stage.settle().await;
    for _ in 0..9 {
        stage.later(2_100).await;
    }
    assert_eq!(stage.source.calls().len(), 10);
    let given_up = stage.account(account.id).await;
    assert_eq!(given_up.not_before, Some(stage.test.clock.now() + TimeDelta::seconds(2_000)));
    stage.connectors.sync_now(account.id, Cause::system()).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.source.calls().len(), 10, "nor is it asked by hand");
    stage.running.stop().await;
}

#[tokio::test]
async fn a_refused_credential_waits_for_the_person_and_is_not_tried_again() {
    let stage = Stage::new().await;
    stage.source.fails(PluginFailure::Unauthorized("the token was revoked".to_owned()));
    let account = stage.add().await;
    stage.settle().await;
    stage.later(86_400).await;
    assert_eq!(stage.source.calls().len(), 1);
    let waiting = stage.account(account.id).await;
    assert_eq!(waiting.state, AccountState::NeedsSignIn);
    assert_eq!(waiting.last_error.as_deref(), Some("the token was revoked"));
    assert!(!stage.connectors.sync_now(account.id, Cause::system()).await.unwrap());
    stage.source.says([Answer::Page(page([1], "a", false))]);
    let active = stage.connectors.resume(waiting, Cause::system()).await.unwrap();
    assert_eq!((active.state, active.last_error), (AccountState::Active, None));
    stage.settle().await;
    assert_eq!(stage.landed(), [vec![1]]);
    assert_eq!(changes(&stage), ["added", "needs_sign_in", "resumed"]);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_wrong_configuration_says_what_is_wrong_and_is_tried_again_once_it_changes() {
    let stage = Stage::new().await;
    stage.source.fails(PluginFailure::BadConfig("there is no feed at this address".to_owned()));
    let account = stage.add().await;
    stage.settle().await;
    let failed = stage.account(account.id).await;
    assert_eq!(failed.state, AccountState::Failed);
    assert_eq!(failed.last_error.as_deref(), Some("there is no feed at this address"));
    let change = AccountChange {
        config: Some(json!({ "url": "https://news.example/atom" })),
        ..AccountChange::default()
    };
    let mended = stage.connectors.change(failed, change, Cause::system()).await.unwrap();
    assert_eq!(mended.state, AccountState::Active);
    stage.settle().await;
    assert_eq!(stage.source.calls().len(), 2);
    assert_eq!(changes(&stage), ["added", "failed", "changed"]);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_failing_source_is_asked_less_often_and_the_failure_is_in_its_history() {
    let stage = Stage::new().await;
    stage.source.fails(PluginFailure::Failed("500 Internal Server Error".to_owned()));
    let account = stage.add().await;
    stage.settle().await;
    let failing = stage.account(account.id).await;
    assert_eq!((failing.state, failing.consecutive_failures), (AccountState::Active, 1));
    assert_eq!(failing.next_sync_at, Some(stage.test.clock.now() + TimeDelta::seconds(1_200)));
    let failure = Some("500 Internal Server Error".to_owned());
    assert_eq!(runs(&stage, account.id).await, [("failed".to_owned(), 0, 0, failure)]);
    stage.later(1_300).await;
    assert_eq!(stage.source.calls().len(), 2);
    assert_eq!(stage.account(account.id).await.consecutive_failures, 0);
    stage.running.stop().await;
}

#[tokio::test]
async fn runs_that_were_missed_are_caught_up_once_and_a_schedule_goes_on_from_now() {
    let stage = Stage::new().await;
    let account = stage.add().await;
    stage.settle().await;
    assert_eq!(stage.source.calls().len(), 1);
    stage.later(36_000).await;
    assert_eq!(stage.source.calls().len(), 2, "one for the sixty that were missed");
    let next = stage.account(account.id).await.next_sync_at.unwrap() - stage.test.clock.now();
    assert!((600..=660).contains(&next.num_seconds()), "{next}");
    stage.running.stop().await;
}

#[tokio::test]
async fn the_source_says_when_it_wants_to_be_asked_and_webhooks_only_means_never() {
    let stage = Stage::new().await;
    let wish = stage.test.clock.now() + TimeDelta::hours(5);
    let answer = ConnectorBatch { next_sync_after: Some(wish), ..page([1], "a", false) };
    stage.source.says([Answer::Page(answer)]);
    let account = stage.add().await;
    stage.settle().await;
    assert_eq!(stage.account(account.id).await.next_sync_at, Some(wish));

    // What it takes for fresh for a minute is no reason to ask it each minute.
    let soon = stage.test.clock.now() + TimeDelta::seconds(60);
    let answer = ConnectorBatch { next_sync_after: Some(soon), ..page([2], "b", false) };
    stage.source.says([Answer::Page(answer)]);
    stage.connectors.sync_now(account.id, Cause::system()).await.unwrap();
    stage.settle().await;
    let next = stage.account(account.id).await.next_sync_at.unwrap();
    assert!(next >= stage.test.clock.now() + TimeDelta::seconds(600), "{next}");

    let answer = ConnectorBatch { next_sync_after: Some(soon), ..page([3], "c", false) };
    stage.source.says([Answer::Page(answer)]);
    let silent = NewAccount { plugin: "hooks-only".to_owned(), ..Stage::new_account() };
    let silent = stage.connectors.add(silent, Cause::system()).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.account(silent.id).await.next_sync_at, None);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_plugin_that_never_moves_on_is_stopped() {
    let stage = Stage::new().await;
    stage.source.says([Answer::Page(page([1], "a", true)), Answer::Page(page([], "a", true))]);
    let account = stage.add().await;
    stage.settle().await;
    assert_eq!(stage.source.calls().len(), 2);
    let failed = stage.account(account.id).await;
    assert!(failed.last_error.unwrap().contains("does not move on"));
    stage.running.stop().await;
}

#[tokio::test]
async fn a_resting_plugin_is_asked_again_when_it_has_rested_without_counting_failures() {
    let stage = Stage::new().await;
    let after = Duration::from_secs(300);
    stage.source.says([Answer::Error(PluginError::Resting { plugin: "rss".to_owned(), after })]);
    let account = stage.add().await;
    stage.settle().await;
    let resting = stage.account(account.id).await;
    assert_eq!((resting.state, resting.consecutive_failures), (AccountState::Active, 0));
    stage.later(200).await;
    assert_eq!(stage.source.calls().len(), 1);
    stage.later(200).await;
    assert_eq!(stage.source.calls().len(), 2);
    stage.running.stop().await;
}

#[tokio::test]
async fn of_one_plugin_four_accounts_are_synchronised_at_a_time() {
    let stage = Stage::new().await;
    stage.source.says((0..6).map(|id| Answer::Gated(page([id], "a", false))));
    for _ in 0..6 {
        stage.add().await;
    }
    let pool = stage.test.spine.pool();
    let deferred = JobFilter { state: Some(State::Deferred), ..JobFilter::default() };
    stage
        .until(async || {
            let waiting = admin::list(pool, &deferred, 10).await.unwrap();
            waiting.iter().filter(|job| job.kind == "connectors.sync_account_now").count() == 2
        })
        .await;
    assert_eq!(stage.source.calls().len(), 4);
    stage.source.gate.add_permits(6);
    stage.settle().await;
    stage.later(5).await;
    assert_eq!(stage.source.calls().len(), 6);
    stage.running.stop().await;
}

#[tokio::test]
async fn what_is_asked_for_again_and_again_is_done_once() {
    let stage = Stage::new().await;
    stage.source.says([Answer::Gated(page([1], "a", false))]);
    let account = stage.add().await;
    let source = stage.source.clone();
    stage.until(async || source.calls().len() == 1).await;
    // The first of them may find what the run under way has not seen any more; the others add nothing.
    let mut queued = Vec::new();
    for _ in 0..5 {
        queued.push(stage.connectors.sync_now(account.id, Cause::system()).await.unwrap());
    }
    assert_eq!(queued, [true, false, false, false, false]);
    stage.source.gate.add_permits(1);
    stage.settle().await;
    assert_eq!(stage.source.calls().len(), 2);
    stage.running.stop().await;
}

#[tokio::test]
async fn removing_an_account_forgets_its_secrets_and_erases_its_records_where_wished() {
    let stage = Stage::new().await;
    stage.source.says([Answer::Page(page([1], "a", false)), Answer::Page(page([2], "b", false))]);
    let (kept, erased) = (stage.add().await, stage.add().await);
    stage.settle().await;
    stage.connectors.remove(kept.id, false, Cause::system()).await.unwrap();
    stage.connectors.remove(erased.id, true, Cause::system()).await.unwrap();
    stage.settle().await;
    let mut forgotten = stage.source.forgotten.lock().unwrap().clone();
    forgotten.sort();
    assert_eq!(forgotten, [kept.id, erased.id]);
    assert_eq!(readable(&stage, kept.id).await, [true]);
    assert_eq!(readable(&stage, erased.id).await, [false]);
    assert!(stage.connectors.account(kept.id).await.is_err());
    // What was kept of it goes with its owner.
    let mut tx = stage.test.spine.begin(Cause::system()).await.unwrap();
    Spine::erase(&mut tx, &format!("account:{OWNER}")).await.unwrap();
    tx.commit().await.unwrap();
    stage.settle().await;
    assert_eq!(readable(&stage, kept.id).await, [false]);
    stage.running.stop().await;
}

/// Whether the keys of an account's records are there, each.
async fn readable(stage: &Stage, account: Uuid) -> Vec<bool> {
    sqlx::query_scalar("SELECT wrapped IS NOT NULL FROM spine.subject_key WHERE subject = $1")
        .bind(format!("connector:{account}"))
        .fetch_all(stage.test.spine.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn with_a_person_go_their_accounts_and_what_these_brought() {
    let stage = Stage::new().await;
    stage.source.says([Answer::Page(page([1], "a", false))]);
    let account = stage.add().await;
    stage.settle().await;
    let mut tx = stage.test.spine.begin(Cause::system()).await.unwrap();
    Spine::erase(&mut tx, &format!("account:{OWNER}")).await.unwrap();
    tx.commit().await.unwrap();
    stage.settle().await;
    assert!(stage.connectors.account(account.id).await.is_err());
    assert_eq!(readable(&stage, account.id).await, [false]);
    assert_eq!(changes(&stage), ["added", "removed"]);
    stage.running.stop().await;
}
