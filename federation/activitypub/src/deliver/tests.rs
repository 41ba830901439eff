//! Deliveries to a server that answers in every way.

use std::sync::{Arc, LazyLock};

use super::*;
use crate::keys::RsaSigningKey;
use crate::signature::{self, SignedRequest};
use crate::test_server::{Reply, Seen, TestServer, client};

static KEY: LazyLock<ActorKey> = LazyLock::new(|| ActorKey {
    key_id: Url::parse("https://a.example/users/x#main-key").unwrap(),
    key: Arc::new(RsaSigningKey::generate().unwrap()),
});

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_345_537, 0).unwrap()
}

async fn deliver_to(server: &TestServer, preferred: SignatureForm) -> DeliveryReport {
    let body = Bytes::from_static(br#"{"type":"Follow"}"#);
    deliver(&client(), &KEY, &server.url("/inbox"), body, preferred, now()).await
}

async fn outcome_of(reply: impl Fn() -> Reply + Send + Sync + 'static) -> DeliveryOutcome {
    let server = TestServer::start(move |_, _| reply()).await;
    deliver_to(&server, SignatureForm::Cavage).await.outcome
}

fn verifies(server: &TestServer, seen: &Seen) -> bool {
    let target = server.url(&seen.target);
    let request = SignedRequest {
        method: &seen.method,
        target_uri: &target,
        path_and_query: &seen.target,
        headers: &seen.headers,
        body: &seen.body,
    };
    let key = KEY.key.public_key().unwrap();
    signature::parse(&request, now()).unwrap().verify(&key).is_ok()
}

#[tokio::test]
async fn a_delivery_carries_a_signature_that_verifies() {
    for form in [SignatureForm::Cavage, SignatureForm::Rfc9421] {
        let server = TestServer::start(|_, _| Reply::status(202)).await;
        let report = deliver_to(&server, form).await;
        assert_eq!(report, DeliveryReport { outcome: DeliveryOutcome::Delivered, form });
        let seen = server.seen();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].body, br#"{"type":"Follow"}"#);
        assert_eq!(seen[0].headers["content-type"], "application/activity+json");
        assert!(verifies(&server, &seen[0]));
    }
}

#[tokio::test]
async fn the_second_knock_uses_the_other_form() {
    for status in [400, 401] {
        let server = TestServer::start(move |_, seen| match seen.has("signature-input") {
            true => Reply::status(202),
            false => Reply::status(status),
        })
        .await;
        let report = deliver_to(&server, SignatureForm::Cavage).await;
        assert_eq!(report.outcome, DeliveryOutcome::Delivered);
        assert_eq!(report.form, SignatureForm::Rfc9421);
        assert_eq!(server.seen().len(), 2);
    }
    let server = TestServer::start(|_, seen| match seen.has("signature-input") {
        true => Reply::status(401),
        false => Reply::status(202),
    })
    .await;
    let report = deliver_to(&server, SignatureForm::Rfc9421).await;
    assert_eq!(report.form, SignatureForm::Cavage);
}

#[tokio::test]
async fn a_server_that_takes_neither_form_changes_nothing() {
    let server = TestServer::start(|_, _| Reply::status(401).text("no key")).await;
    let report = deliver_to(&server, SignatureForm::Rfc9421).await;
    assert_eq!(report.form, SignatureForm::Rfc9421);
    let reason = "the server answered 401 Unauthorized: no key".to_owned();
    let status = Some(StatusCode::UNAUTHORIZED);
    assert_eq!(report.outcome, DeliveryOutcome::Retry { status, after: None, reason });
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn final_answers_are_final() {
    for status in [400, 403, 404, 405, 413, 422, 501] {
        let outcome = outcome_of(move || Reply::status(status)).await;
        assert!(
            matches!(outcome, DeliveryOutcome::Refused { status: Some(s), .. } if s == status),
            "{status}: {outcome:?}"
        );
    }
    assert_eq!(outcome_of(|| Reply::status(410)).await, DeliveryOutcome::Gone);
    let unsafe_text = outcome_of(|| Reply::status(403).text("a\nb\u{1b}[31m")).await;
    let DeliveryOutcome::Refused { reason, .. } = unsafe_text else { panic!("not refused") };
    assert_eq!(reason, "the server answered 403 Forbidden: a b[31m");
}

#[tokio::test]
async fn passing_failures_are_tried_again() {
    for status in [302, 408, 429, 500, 502, 503] {
        let outcome = outcome_of(move || Reply::status(status)).await;
        assert!(
            matches!(outcome, DeliveryOutcome::Retry { status: Some(s), after: None, .. } if s == status),
            "{status}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn retry_after_is_read_in_both_forms() {
    for (text, seconds) in [
        ("120", 120),
        ("Sun, 22 Nov 2026 11:06:37 GMT", 60),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
        ("99999999999", 24 * 60 * 60),
    ] {
        let outcome = outcome_of(move || Reply::status(429).with("retry-after", text)).await;
        let DeliveryOutcome::Retry { after, .. } = outcome else { panic!("not retried") };
        assert_eq!(after, Some(Duration::from_secs(seconds)), "{text}");
    }
    let odd = outcome_of(|| Reply::status(503).with("retry-after", "soon")).await;
    assert!(matches!(odd, DeliveryOutcome::Retry { after: None, .. }));
}

#[tokio::test]
async fn an_inbox_on_a_private_address_is_refused() {
    let inbox = Url::parse("https://192.168.0.1/inbox").unwrap();
    let report = deliver(&client(), &KEY, &inbox, Bytes::new(), SignatureForm::Cavage, now()).await;
    assert!(matches!(report.outcome, DeliveryOutcome::Refused { status: None, .. }));
}

#[tokio::test]
async fn an_unreachable_server_is_tried_again_and_says_why() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let inbox = Url::parse(&format!("http://{}/inbox", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let report = deliver(&client(), &KEY, &inbox, Bytes::new(), SignatureForm::Cavage, now()).await;
    let DeliveryOutcome::Retry { status: None, after: None, reason } = report.outcome else {
        panic!("not retried")
    };
    assert!(reason.starts_with("the connection failed: "), "{reason}");
}
