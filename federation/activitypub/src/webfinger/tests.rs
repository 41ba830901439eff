//! Handles and hosts that agree, and that do not.

use serde_json::json;

use super::*;
use crate::test_server::{Reply, TestServer, client};

fn descriptor(subject: &str, actor: &Url) -> Reply {
    Reply::jrd(&json!({
        "subject": subject,
        "links": [
            {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": "https://x.example/"},
            {"rel": "self", "type": "text/html", "href": "https://x.example/"},
            {"rel": "self", "type": "application/activity+json", "href": actor.as_str()},
        ],
    }))
}

fn actor(id: &Url) -> Actor {
    Actor::parse(&json!({
        "id": id.as_str(), "type": "Person", "preferredUsername": "alice",
        "inbox": format!("{id}/inbox"),
    }))
    .unwrap()
}

fn handle(server: &TestServer, user: &str) -> Handle {
    Handle::new(user, authority(&server.base)).unwrap()
}

#[tokio::test]
async fn a_handle_leads_to_its_actor_and_back() {
    let server = TestServer::start(|base, seen| {
        assert_eq!(seen.path(), "/.well-known/webfinger");
        let host = authority(base);
        match seen.target.contains("acct:alice@") || seen.target.contains("acct:Alice@") {
            true => descriptor(&format!("acct:alice@{host}"), &base.join("/users/alice").unwrap()),
            false => Reply::status(404),
        }
    })
    .await;
    let web_finger = WebFinger::new(client());
    let id = web_finger.resolve(&handle(&server, "Alice")).await.unwrap();
    assert_eq!(id, server.url("/users/alice"));
    let confirmed = web_finger.confirm(&actor(&id)).await.unwrap();
    assert_eq!(confirmed, handle(&server, "alice"));

    let error = web_finger.resolve(&handle(&server, "bob")).await.unwrap_err();
    assert!(matches!(error, WebFingerError::NotFound));
    assert!(!error.is_transient());
}

#[tokio::test]
async fn an_actor_that_its_host_does_not_name_has_no_handle() {
    let server = TestServer::start(|base, _| {
        descriptor(&format!("acct:alice@{}", authority(base)), &base.join("/users/other").unwrap())
    })
    .await;
    let error =
        WebFinger::new(client()).confirm(&actor(&server.url("/users/alice"))).await.unwrap_err();
    assert!(matches!(error, WebFingerError::Unconfirmed(_)), "{error}");
}

#[tokio::test]
async fn another_domain_for_the_account_has_to_agree() {
    for agrees in [true, false] {
        // The server of the actors names the account under another domain …
        let (sender, receiver) = std::sync::mpsc::channel::<(Url, Url)>();
        let account_domain = TestServer::start({
            let known = std::sync::Mutex::new(receiver);
            let places = std::sync::OnceLock::new();
            move |_, _| {
                let (actors, accounts): &(Url, Url) =
                    places.get_or_init(|| known.lock().unwrap().recv().unwrap());
                let subject = format!("acct:alice@{}", authority(accounts));
                let id = if agrees { "/users/alice" } else { "/users/mallory" };
                descriptor(&subject, &actors.join(id).unwrap())
            }
        })
        .await;
        let accounts = account_domain.base.clone();
        let actors = TestServer::start(move |base, _| {
            let subject = format!("acct:alice@{}", authority(&accounts));
            descriptor(&subject, &base.join("/users/alice").unwrap())
        })
        .await;
        sender.send((actors.base.clone(), account_domain.base.clone())).unwrap();
        // … and the handle is good only if that domain says the same.
        let confirmed = WebFinger::new(client()).confirm(&actor(&actors.url("/users/alice"))).await;
        match agrees {
            true => assert_eq!(confirmed.unwrap(), handle(&account_domain, "alice")),
            false => assert!(matches!(confirmed, Err(WebFingerError::Unconfirmed(_)))),
        }
    }
}

#[tokio::test]
async fn a_redirect_is_followed_and_a_blocked_host_is_not_asked() {
    let target = TestServer::start(|base, _| {
        descriptor(&format!("acct:alice@{}", authority(base)), &base.join("/users/alice").unwrap())
    })
    .await;
    let base = target.base.clone();
    let server =
        TestServer::start(move |_, seen| Reply::redirect(base.join(&seen.target).unwrap())).await;
    let resolution = WebFinger::new(client()).lookup(&handle(&server, "alice")).await.unwrap();
    assert_eq!(resolution.subject, handle(&target, "alice"));

    struct Closed;
    #[async_trait::async_trait]
    impl HostGate for Closed {
        async fn admits(&self, _url: &Url) -> bool {
            false
        }
    }
    let closed = WebFinger::new(client()).with_gate(Arc::new(Closed));
    let error = closed.resolve(&handle(&target, "alice")).await.unwrap_err();
    assert!(matches!(error, WebFingerError::Blocked(_)));
}

#[tokio::test]
async fn rubbish_is_not_a_descriptor() {
    let server = TestServer::start(|_, seen| match seen.target.contains("alice") {
        true => Reply::status(200).text("<html>"),
        false => Reply::jrd(&json!({"subject": "acct:bob@x.example", "links": []})),
    })
    .await;
    let web_finger = WebFinger::new(client());
    let error = web_finger.resolve(&handle(&server, "alice")).await.unwrap_err();
    assert!(matches!(error, WebFingerError::Malformed));
    let error = web_finger.resolve(&handle(&server, "bob")).await.unwrap_err();
    assert!(matches!(error, WebFingerError::NoActor));
}
