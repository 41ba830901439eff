//! Webhooks: stored, then answered.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use connectors::{AccountChange, ConnectorsError};
use contracts::access::SpaceId;
use contracts::events::connectors::{DataReceived, WebhookReceived};
use contracts::plugins::{HookAnswer, HookRequest, PluginFailure, Undone, WebhookOutcome};
use spine::Cause;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::support::{Answer, Stage, page, record};

fn request(body: &str, signature: &str) -> HookRequest {
    HookRequest {
        method: "POST".to_owned(),
        url: "https://node.example/hooks/a/".to_owned(),
        path_and_query: "/".to_owned(),
        headers: vec![("X-Signature".to_owned(), signature.to_owned())],
        body: body.as_bytes().to_vec(),
    }
}

fn brings(ids: &[usize], sync_soon: bool) -> WebhookOutcome {
    WebhookOutcome {
        records: ids.iter().map(|id| record(*id)).collect(),
        answer: HookAnswer { status: 202, ..HookAnswer::default() },
        sync_soon,
        plugin_version: "1.0.0".to_owned(),
    }
}

#[tokio::test]
async fn what_a_webhook_brings_is_stored_before_it_is_answered_and_a_repeat_makes_nothing_twice() {
    let stage = Stage::new().await;
    let account = stage.add().await;
    stage.settle().await;
    for _ in 0..2 {
        stage.source.hook(Ok(brings(&[1, 2], false)));
        let answer = stage.connectors.receive_webhook(account.id, request("{}", "s1")).await;
        assert_eq!(answer.unwrap().status, 202);
        let stored: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM spine.event WHERE subject = $1 AND type LIKE '%DataReceived%'",
        )
        .bind(format!("connector:{}", account.id))
        .fetch_one(stage.test.spine.pool())
        .await
        .unwrap();
        assert_eq!(stored, 1, "on disk when the answer goes out");
    }
    // Another request, with the same in it: its source tried again and signed anew.
    stage.source.hook(Ok(brings(&[1, 2], false)));
    stage.connectors.receive_webhook(account.id, request("{}", "s2")).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.landed(), [vec![1, 2]]);
    assert_eq!(stage.heard::<WebhookReceived>().len(), 1);
    // Long after, the same may well happen again.
    stage.later(3_600).await;
    stage.source.hook(Ok(brings(&[1, 2], false)));
    stage.connectors.receive_webhook(account.id, request("{}", "s1")).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.landed().len(), 2);
    stage.running.stop().await;
}

#[tokio::test]
async fn what_returns_to_an_earlier_state_is_no_repeat() {
    let stage = Stage::new().await;
    let account = stage.add().await;
    stage.settle().await;
    let receive = async |body: &str, ids: &[usize]| {
        stage.source.hook(Ok(brings(ids, false)));
        stage
            .connectors
            .receive_webhook(account.id, request(body, "always the same"))
            .await
            .unwrap();
    };
    // A lamp is on, off, and on again; the last word is told twice.
    for (body, ids) in [("on", &[1]), ("off", &[2]), ("on", &[1]), ("on", &[1])] {
        receive(body, ids).await;
    }
    stage.settle().await;
    assert_eq!(stage.landed(), [vec![1], vec![2], vec![1]]);
    // A delivery with a name of its own is the same whatever came in between.
    let named = HookRequest {
        headers: vec![("X-GitHub-Delivery".to_owned(), "7".to_owned())],
        ..request("first", "")
    };
    for (request, ids) in [(named.clone(), [3]), (request("second", ""), [4]), (named, [3])] {
        stage.source.hook(Ok(brings(&ids, false)));
        stage.connectors.receive_webhook(account.id, request).await.unwrap();
    }
    stage.settle().await;
    assert_eq!(stage.landed()[3..], [vec![3], vec![4]]);
    stage.running.stop().await;
}

#[tokio::test]
async fn what_a_webhook_brings_belongs_where_its_account_belongs_when_it_is_stored() {
    let stage = Stage::new().await;
    let account = stage.add().await;
    stage.settle().await;
    let gate = Arc::new(Semaphore::new(0));
    *stage.source.hook_gate.lock().unwrap() = Some(Arc::clone(&gate));
    let during = async |change: AccountChange| {
        stage.source.hook(Ok(brings(&[1], false)));
        let asked = stage.source.hooks_asked.load(Ordering::SeqCst);
        let receive = stage.connectors.receive_webhook(account.id, request("{}", "s"));
        let meanwhile = async {
            let source = &stage.source;
            stage.until(async || source.hooks_asked.load(Ordering::SeqCst) > asked).await;
            let account = stage.account(account.id).await;
            stage.connectors.change(account, change, Cause::system()).await.unwrap();
            gate.add_permits(1);
        };
        tokio::join!(receive, meanwhile).0
    };
    let config = Some(serde_json::json!({ "url": "https://other.example/" }));
    let other = during(AccountChange { config, ..AccountChange::default() }).await;
    assert!(matches!(other, Err(ConnectorsError::Undone(Undone::Later { .. }))), "{other:?}");
    let space = Some(SpaceId::household());
    during(AccountChange { space, ..AccountChange::default() }).await.unwrap();
    stage.settle().await;
    let received = stage.heard::<DataReceived>();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].space, SpaceId::household());
    stage.running.stop().await;
}

#[tokio::test]
async fn a_webhook_that_only_says_that_something_changed_begins_one_run() {
    let stage = Stage::new().await;
    stage.source.says([Answer::Gated(page([], "a", false)), Answer::Page(page([1], "b", false))]);
    let account = stage.add().await;
    let source = stage.source.clone();
    stage.until(async || source.calls().len() == 1).await;
    for n in 0..10 {
        stage.source.hook(Ok(brings(&[], true)));
        let request = request("{}", &n.to_string());
        stage.connectors.receive_webhook(account.id, request).await.unwrap();
    }
    stage.source.gate.add_permits(1);
    stage.settle().await;
    assert_eq!(stage.source.calls().len(), 2);
    assert_eq!(stage.landed(), [vec![1]]);
    assert_eq!(stage.heard::<WebhookReceived>().len(), 10);
    // Two changes may be told in the same words: the second is not taken for a repeat.
    stage.source.hook(Ok(brings(&[], true)));
    stage.connectors.receive_webhook(account.id, request("{}", "9")).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.source.calls().len(), 3);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_webhook_that_is_not_genuine_or_not_for_anybody_stores_nothing() {
    let stage = Stage::new().await;
    let account = stage.add().await;
    stage.settle().await;
    let receive = async |id, request| stage.connectors.receive_webhook(id, request).await;

    stage.source.hook(Err(PluginFailure::Rejected("the signature is wrong".to_owned()).into()));
    let refused = receive(account.id, request("{}", "forged")).await;
    assert!(matches!(refused, Err(ConnectorsError::Undone(Undone::HookRefused(_)))), "{refused:?}");

    let nobody = receive(Uuid::now_v7(), request("{}", "s")).await;
    assert!(matches!(nobody, Err(ConnectorsError::NotFound)), "{nobody:?}");

    let large = receive(account.id, request(&"x".repeat((1 << 20) + 1), "s")).await;
    assert!(matches!(large, Err(ConnectorsError::Undone(Undone::HookTooLarge))), "{large:?}");

    let account = stage.account(account.id).await;
    stage.connectors.pause(account.clone(), Cause::system()).await.unwrap();
    let paused = receive(account.id, request("{}", "s")).await;
    assert!(matches!(paused, Err(ConnectorsError::Undone(Undone::Later { .. }))), "{paused:?}");

    stage.settle().await;
    assert!(stage.landed().is_empty() && stage.heard::<WebhookReceived>().is_empty());
    stage.running.stop().await;
}
