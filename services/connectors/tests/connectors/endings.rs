//! Accounts stop with what they rest on, and go on when their owner has signed in.

use connectors::{AccountState, NewAccount};
use contracts::access::{Principal, SpaceId};
use contracts::events::connectors::AccountChanged;
use contracts::events::plugins::PluginChanged;
use contracts::events::policy::{ConsentWithdrawn, PrincipalChanged, SpaceChanged};
use contracts::plugins::PluginFailure;
use spine::{Cause, Snowflake};
use uuid::Uuid;

use crate::support::{Answer, OWNER, Stage, page};

async fn add(stage: &Stage, change: impl FnOnce(&mut NewAccount)) -> Uuid {
    let mut account = Stage::new_account();
    change(&mut account);
    let account = stage.connectors.add(account, Cause::system()).await.unwrap();
    stage.settle().await;
    account.id
}

#[tokio::test]
async fn a_consent_that_is_withdrawn_stops_what_rests_on_it_and_nothing_else() {
    let stage = Stage::new().await;
    let consent = Uuid::now_v7();
    let other = add(&stage, |account| account.consent = Some(Uuid::now_v7())).await;
    stage.source.says([Answer::Gated(page([1], "a", false))]);
    let calls = stage.source.calls().len();
    let mut account = Stage::new_account();
    account.consent = Some(consent);
    let account = stage.connectors.add(account, Cause::system()).await.unwrap().id;
    let source = stage.source.clone();
    stage.until(async || source.calls().len() > calls).await;

    let mut tx = stage.test.spine.begin(Cause::system()).await.unwrap();
    tx.record(&ConsentWithdrawn { consent, subject: OWNER }).unwrap();
    tx.commit().await.unwrap();
    stage.until(async || stage.account(account).await.state == AccountState::Paused).await;
    stage.source.gate.add_permits(1);
    stage.settle().await;
    assert!(stage.landed().is_empty(), "also what was under way does not land");
    let paused = stage.account(account).await;
    assert!(paused.last_error.unwrap().contains("consent"));
    assert_eq!(stage.account(other).await.state, AccountState::Active);
    let changes: Vec<_> = stage.heard::<AccountChanged>().into_iter().map(|e| e.change).collect();
    assert_eq!(changes, ["added", "added", "paused"]);
    stage.running.stop().await;
}

#[tokio::test]
async fn who_leaves_a_space_brings_nothing_there_any_more() {
    let stage = Stage::new().await;
    let circle = SpaceId::of_circle(Uuid::now_v7());
    let there = add(&stage, |account| account.space = circle.clone()).await;
    let own = add(&stage, |_| ()).await;
    let others = add(&stage, |account| {
        (account.space, account.owner) = (circle.clone(), Snowflake(8));
    })
    .await;
    let left = |member, change: &str| SpaceChanged {
        space: circle.clone(),
        member,
        change: change.to_owned(),
    };
    stage.tell(&left(Some(OWNER), "left")).await;
    assert_eq!(stage.account(there).await.state, AccountState::Paused);
    assert_eq!(stage.account(own).await.state, AccountState::Active);
    assert_eq!(stage.account(others).await.state, AccountState::Active);
    stage.tell(&left(None, "removed")).await;
    assert_eq!(stage.account(others).await.state, AccountState::Paused);

    let suspended =
        PrincipalChanged { principal: Principal::Person(OWNER), change: "suspended".to_owned() };
    stage.tell(&suspended).await;
    assert_eq!(stage.account(own).await.state, AccountState::Paused);
    stage.running.stop().await;
}

#[tokio::test]
async fn an_account_goes_on_by_itself_when_its_owner_has_signed_in() {
    let stage = Stage::new().await;
    stage.source.fails(PluginFailure::Unauthorized("a secret is not filled in yet".to_owned()));
    let account = add(&stage, |_| ()).await;
    assert_eq!(stage.account(account).await.state, AccountState::NeedsSignIn);
    let configured = |plugin: &str, account| PluginChanged {
        plugin: plugin.to_owned(),
        version: "1.0.0".to_owned(),
        digest: String::new(),
        change: "configured".to_owned(),
        pending: None,
        account: Some(account),
        reason: None,
    };
    stage.tell(&configured("rss", Uuid::now_v7())).await;
    stage.tell(&configured("other", account)).await;
    assert_eq!(stage.source.calls().len(), 1);
    stage.source.says([Answer::Page(page([1], "a", false))]);
    stage.tell(&configured("rss", account)).await;
    let active = stage.account(account).await;
    assert_eq!((active.state, active.last_error), (AccountState::Active, None));
    assert_eq!(stage.landed(), [vec![1]]);

    // One that its owner paused stays so.
    stage.connectors.pause(stage.account(account).await, Cause::system()).await.unwrap();
    stage.tell(&configured("rss", account)).await;
    assert_eq!(stage.account(account).await.state, AccountState::Paused);
    stage.running.stop().await;
}
