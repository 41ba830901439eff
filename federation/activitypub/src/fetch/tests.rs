//! Fetching from servers that answer well and badly.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use chrono::{DateTime, Utc};
use serde_json::json;
use spine::http::HttpError;

use super::*;
use crate::keys::RsaSigningKey;
use crate::redirect::RedirectError;
use crate::signature::{self, SignedRequest};
use crate::test_server::{Reply, TestServer, client};

static KEY: LazyLock<ActorKey> = LazyLock::new(|| ActorKey {
    key_id: Url::parse("https://node.example/actor#main-key").unwrap(),
    key: Arc::new(RsaSigningKey::generate().unwrap()),
});

#[derive(Default)]
struct Forms(Mutex<HashMap<String, SignatureForm>>);

#[async_trait]
impl FormMemory for Forms {
    async fn preferred(&self, host: &str) -> SignatureForm {
        self.0.lock().unwrap().get(host).copied().unwrap_or_default()
    }

    async fn remember(&self, host: &str, form: SignatureForm) {
        self.0.lock().unwrap().insert(host.to_owned(), form);
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_345_537, 0).unwrap()
}

fn fetcher() -> Fetcher {
    Fetcher::new(client(), KEY.clone(), Arc::new(Forms::default())).with_clock(Clock::manual(now()))
}

fn note(base: &Url, path: &str) -> Value {
    json!({"id": base.join(path).unwrap().as_str(), "type": "Note", "content": path})
}

#[tokio::test]
async fn a_fetch_is_signed_and_says_what_it_accepts() {
    let server = TestServer::start(|base, _| Reply::activity(&note(base, "/posts/1?x=y"))).await;
    let url = server.url("/posts/1?x=y");
    let fetched = fetcher().fetch_object(&url).await.unwrap();
    assert_eq!((fetched.id, fetched.url), (url.clone(), url.clone()));

    let seen = &server.seen()[0];
    assert_eq!(seen.headers["accept"], ACCEPT);
    let request = SignedRequest {
        method: &seen.method,
        target_uri: &url,
        path_and_query: &seen.target,
        headers: &seen.headers,
        body: &seen.body,
    };
    let parsed = signature::parse(&request, now()).unwrap();
    assert_eq!(*parsed.key_id(), KEY.key_id);
    assert_eq!(parsed.verify(&KEY.key.public_key().unwrap()), Ok(()));
}

#[tokio::test]
async fn the_form_that_worked_is_remembered() {
    let server = TestServer::start(|base, seen| match seen.has("signature-input") {
        true => Reply::activity(&note(base, seen.path())),
        false => Reply::status(401),
    })
    .await;
    let fetcher = fetcher();
    fetcher.fetch_object(&server.url("/1")).await.unwrap();
    assert_eq!(server.seen().len(), 2);
    fetcher.fetch_object(&server.url("/2")).await.unwrap();
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn redirects_are_followed_and_signed_again() {
    let server = TestServer::start(|base, seen| match seen.path() {
        "/@x" => Reply::redirect("/users/x"),
        path => Reply::activity(&note(base, path)),
    })
    .await;
    let fetched = fetcher().fetch_object(&server.url("/@x")).await.unwrap();
    assert_eq!(fetched.id, server.url("/users/x"));
    let seen = server.seen();
    assert_ne!(seen[0].headers["signature"], seen[1].headers["signature"]);
}

#[tokio::test]
async fn endless_redirects_end() {
    let server = TestServer::start(|_, seen| match seen.path() {
        "/loop" => Reply::redirect("/pool"),
        "/pool" => Reply::redirect("/loop"),
        path => Reply::redirect(format!("{path}x")),
    })
    .await;
    let error = fetcher().fetch_object(&server.url("/a")).await.unwrap_err();
    assert!(matches!(error, FetchError::Redirect(RedirectError::TooMany)), "{error}");
    let error = fetcher().fetch_object(&server.url("/loop")).await.unwrap_err();
    assert!(matches!(error, FetchError::Redirect(RedirectError::Loop)), "{error}");
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_refused() {
    let server = TestServer::start(|_, _| Reply::redirect("https://10.0.0.1/secret")).await;
    let error = fetcher().fetch_object(&server.url("/")).await.unwrap_err();
    assert!(matches!(error, FetchError::Http(HttpError::Refused { .. })), "{error:?}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_document_under_another_id_is_fetched_from_there() {
    let server = TestServer::start(|base, seen| match seen.path() {
        "/page" => Reply::activity(&note(base, "/posts/1")),
        path => Reply::activity(&json!({
            "id": base.join(path).unwrap().as_str(), "type": "Note", "content": "true",
        })),
    })
    .await;
    let fetched = fetcher().fetch_object(&server.url("/page")).await.unwrap();
    assert_eq!(fetched.id, server.url("/posts/1"));
    assert_eq!(fetched.value["content"], "true");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn nobody_speaks_for_another_origin() {
    let honest = TestServer::start(|base, seen| match seen.path() {
        "/moved" => Reply::redirect("/elsewhere"),
        path => Reply::activity(&json!({
            "id": base.join(path).unwrap().as_str(), "type": "Note", "content": "honest",
        })),
    })
    .await;
    let target = honest.url("/posts/1");
    let liar = TestServer::start(move |_, _| {
        Reply::activity(&json!({"id": target.as_str(), "type": "Note", "content": "forged"}))
    })
    .await;
    // A forged copy leads to the original.
    let fetched = fetcher().fetch_object(&liar.url("/copy")).await.unwrap();
    assert_eq!(fetched.value["content"], "honest");
    assert_eq!(fetched.id, honest.url("/posts/1"));
}

#[tokio::test]
async fn an_id_that_redirects_to_another_origin_is_not_believed() {
    let answering = TestServer::start(|_, seen| {
        // Claims whatever id it is asked to claim.
        let id = seen.target.split_once("id=").unwrap().1;
        Reply::activity(&json!({"id": id, "type": "Note", "content": "forged"}))
    })
    .await;
    let base = answering.base.clone();
    let redirecting = TestServer::start(move |own, seen| {
        Reply::redirect(format!("{base}?id={}", own.join(seen.path()).unwrap()))
    })
    .await;
    let error = fetcher().fetch_object(&redirecting.url("/posts/1")).await.unwrap_err();
    assert!(matches!(error, FetchError::IdMismatch { .. }), "{error}");
}

#[tokio::test]
async fn a_chain_of_ids_is_cut() {
    let server =
        TestServer::start(|base, seen| Reply::activity(&note(base, &format!("{}x", seen.path()))))
            .await;
    let error = fetcher().fetch_object(&server.url("/a")).await.unwrap_err();
    assert!(matches!(error, FetchError::IdMismatch { .. }), "{error}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn only_activity_streams_is_read() {
    let server = TestServer::start(|base, seen| {
        let body = note(base, seen.path()).to_string();
        match seen.path() {
            "/html" => Reply::status(200).with("content-type", "text/html").text(body),
            "/json" => Reply::status(200).with("content-type", "application/json").text(body),
            "/none" => Reply::status(200).text(body),
            "/broken" => {
                Reply::status(200).with("content-type", "application/activity+json").text("{\"id\"")
            }
            "/graph" => Reply::activity(&json!({"id": base.as_str(), "@graph": []})),
            _ => Reply::activity(&json!({"type": "Note"})),
        }
    })
    .await;
    for path in ["/html", "/json", "/none"] {
        let error = fetcher().fetch_object(&server.url(path)).await.unwrap_err();
        assert!(matches!(error, FetchError::ContentType(_)), "{path}: {error}");
    }
    let error = fetcher().fetch_object(&server.url("/broken")).await.unwrap_err();
    assert!(matches!(error, FetchError::Json(_)), "{error}");
    for path in ["/graph", "/no-id"] {
        let error = fetcher().fetch_object(&server.url(path)).await.unwrap_err();
        assert!(matches!(error, FetchError::Vocabulary(_)), "{path}: {error}");
    }
}

#[tokio::test]
async fn statuses_are_told_apart() {
    let server = TestServer::start(|_, seen| {
        Reply::status(seen.path().trim_start_matches('/').parse().unwrap())
    })
    .await;
    let fetch = |status: u16| {
        let url = server.url(&format!("/{status}"));
        async move { fetcher().fetch_object(&url).await.unwrap_err() }
    };
    assert!(fetch(410).await.is_gone());
    assert!(matches!(fetch(404).await, FetchError::NotFound));
    assert!(matches!(fetch(403).await, FetchError::Refused(_)));
    for status in [408, 429, 500, 503] {
        let error = fetch(status).await;
        assert!(error.is_transient(), "{status}");
        assert_eq!(error.retry_after(), None);
    }
}

#[tokio::test]
async fn a_server_that_is_busy_says_for_how_long() {
    for status in [429, 503] {
        let server =
            TestServer::start(move |_, _| Reply::status(status).with("retry-after", "120"));
        let error = fetcher().fetch_object(&server.await.url("/x")).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(120)));
    }
}

struct Blocked(&'static str);

#[async_trait]
impl HostGate for Blocked {
    async fn admits(&self, url: &Url) -> bool {
        url.host_str() != Some(self.0)
    }
}

#[tokio::test]
async fn a_blocked_host_is_not_contacted_even_by_redirect() {
    let blocked = TestServer::start(|base, seen| Reply::activity(&note(base, seen.path()))).await;
    let mut target = blocked.url("/x");
    target.set_host(Some("127.0.0.2")).unwrap();
    let location = target.clone();
    let open = TestServer::start(move |_, _| Reply::redirect(&location)).await;
    let fetcher = fetcher().with_gate(Arc::new(Blocked("127.0.0.2")));
    for url in [target, open.url("/")] {
        let error = fetcher.fetch_object(&url).await.unwrap_err();
        assert!(matches!(error, FetchError::Blocked(_)), "{error}");
    }
    assert!(blocked.seen().is_empty());
}

fn actor(base: &Url, key_id: &str) -> Value {
    let id = base.join("/users/x").unwrap();
    json!({
        "id": id.as_str(),
        "type": "Person",
        "preferredUsername": "x",
        "inbox": format!("{id}/inbox"),
        "publicKey": {
            "id": base.join(key_id).unwrap().as_str(),
            "owner": id.as_str(),
            "publicKeyPem": KEY.key.public_key_pem(),
        },
    })
}

#[tokio::test]
async fn a_key_is_found_inside_its_actor_and_beside_it() {
    // As Mastodon has it: a fragment.
    let server = TestServer::start(|base, _| Reply::activity(&actor(base, "/users/x#k"))).await;
    let key = fetcher().fetch_key(&server.url("/users/x#k")).await.unwrap();
    assert_eq!(key.actor.id, server.url("/users/x"));

    // As GoToSocial has it: a path that answers with the actor.
    let server = TestServer::start(|base, _| Reply::activity(&actor(base, "/users/x/k"))).await;
    let key = fetcher().fetch_key(&server.url("/users/x/k")).await.unwrap();
    assert_eq!(key.actor.id, server.url("/users/x"));

    // A document of its own.
    let server = TestServer::start(|base, seen| {
        let actor = actor(base, "/keys/1");
        match seen.path() {
            "/keys/1" => Reply::activity(&actor["publicKey"]),
            _ => Reply::activity(&actor),
        }
    })
    .await;
    let key = fetcher().fetch_key(&server.url("/keys/1")).await.unwrap();
    assert_eq!(key.id, server.url("/keys/1"));
}

#[tokio::test]
async fn a_key_that_its_owner_does_not_list_is_nobodys() {
    let server = TestServer::start(|base, seen| {
        let actor = actor(base, "/users/x#k");
        let mut loose = actor["publicKey"].clone();
        loose["id"] = json!(base.join(seen.path()).unwrap().as_str());
        match seen.path() {
            "/users/x" => Reply::activity(&actor),
            "/foreign" => {
                loose["owner"] = json!("https://victim.example/users/y");
                Reply::activity(&loose)
            }
            _ => Reply::activity(&loose),
        }
    })
    .await;
    for path in ["/users/x#other", "/loose", "/foreign"] {
        let error = fetcher().fetch_key(&server.url(path)).await.unwrap_err();
        assert!(matches!(error, FetchError::KeyNotListed), "{path}: {error}");
    }
}

fn page(base: &Url, number: usize) -> Value {
    let url = |number: usize| base.join(&format!("/outbox?page={number}")).unwrap();
    json!({
        "id": url(number).as_str(),
        "type": "OrderedCollectionPage",
        "next": url(number + 1).as_str(),
        "orderedItems": [note(base, &format!("/{number}a")), base.join(&format!("/{number}b")).unwrap().as_str()],
    })
}

#[tokio::test]
async fn a_collection_is_read_within_its_budget() {
    let server = TestServer::start(|base, seen| match seen.target.split_once("page=") {
        None => Reply::activity(&json!({
            "id": base.join("/outbox").unwrap().as_str(),
            "type": "OrderedCollection",
            "totalItems": 1_000_000,
            "first": base.join("/outbox?page=1").unwrap().as_str(),
        })),
        Some((_, number)) => Reply::activity(&page(base, number.parse().unwrap())),
    })
    .await;
    let read = |max_items, max_pages| {
        let url = server.url("/outbox");
        async move {
            let budget = CollectionBudget { max_items, max_pages };
            fetcher().fetch_collection_items(&url, budget).await.unwrap()
        }
    };
    assert_eq!(read(5, 100).await.len(), 5);
    assert_eq!(server.seen().len(), 4);
    assert_eq!(read(100, 3).await.len(), 6);
    assert_eq!(read(100, 0).await.len(), 0);
}

#[tokio::test]
async fn a_collection_stays_on_its_origin_and_does_not_turn_in_circles() {
    let server = TestServer::start(|base, seen| {
        let mut page = page(base, 1);
        match seen.path() {
            "/circle" => page["next"] = json!(base.join("/circle").unwrap().as_str()),
            "/away" => page["next"] = json!("https://10.0.0.1/secret"),
            "/short" => page["next"] = json!(base.join("/missing").unwrap().as_str()),
            _ => return Reply::status(404),
        }
        Reply::activity(&page)
    })
    .await;
    for path in ["/circle", "/away", "/short"] {
        let budget = CollectionBudget { max_items: 100, max_pages: 100 };
        let items = fetcher().fetch_collection_items(&server.url(path), budget).await.unwrap();
        assert_eq!(items.len(), 2, "{path}");
    }
    let budget = CollectionBudget { max_items: 100, max_pages: 100 };
    let missing = fetcher().fetch_collection_items(&server.url("/none"), budget).await;
    assert!(matches!(missing, Err(FetchError::NotFound)));
}
