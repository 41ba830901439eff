use std::collections::VecDeque;
use std::sync::Mutex;

use ::http::header::{AUTHORIZATION, LOCATION, RETRY_AFTER};
use async_trait::async_trait;
use contracts::plugins::PluginFailure;
use serde_json::json;
use spine::Clock;

use super::*;
use crate::host::log::{Log, LogBudget};
use crate::host::secrets::{Secrets, Vault, VaultFailure};
use crate::host::{Guest, Names};
use crate::manifest::{Limits, OAuthAsked, SecretAsked, SecretKind, World};

/// Answers what it is told, and keeps what was sent.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Received>>,
    sent: Mutex<Vec<OutgoingRequest>>,
}

#[async_trait]
impl Wire for Script {
    async fn exchange(&self, request: OutgoingRequest) -> Result<Received, http::HttpError> {
        self.sent.lock().unwrap().push(request);
        self.answers.lock().unwrap().pop_front().ok_or(http::HttpError::Timeout)
    }
}

struct Keys;

#[async_trait]
impl Vault for Keys {
    async fn current(&self, secret: &SecretAsked) -> Result<Option<String>, VaultFailure> {
        Ok((secret.name != "unset").then(|| "old-token".to_owned()))
    }

    async fn renewed(
        &self,
        _: &SecretAsked,
        refused: &str,
    ) -> Result<Option<String>, VaultFailure> {
        assert_eq!(refused, "old-token");
        Ok(Some("new-token".to_owned()))
    }
}

fn received(status: u16, headers: &[(::http::HeaderName, &str)]) -> Received {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(name.clone(), value.parse().unwrap());
    }
    Received { status: StatusCode::from_u16(status).unwrap(), headers: map, body: "body".into() }
}

fn secret(name: &str, kind: SecretKind) -> SecretAsked {
    let oauth2 = (kind == SecretKind::OAuth2).then(|| OAuthAsked {
        authorization_endpoint: "https://a.example/a".to_owned(),
        token_endpoint: "https://a.example/t".to_owned(),
        scopes: Vec::new(),
    });
    SecretAsked {
        name: name.to_owned(),
        title: "T".to_owned(),
        kind,
        inject_only: true,
        required: true,
        oauth2,
    }
}

fn guest(hosts: &[&str], answers: Vec<Received>) -> (Guest, Arc<Script>) {
    let clock = Clock::system();
    let script = Arc::new(Script { answers: Mutex::new(answers.into()), ..Script::default() });
    let log = Log::new(
        Names { plugin: "t".into(), account: None },
        Arc::new(LogBudget::new(clock.clone())),
    );
    let declared = [
        secret("key", SecretKind::Text),
        secret("login", SecretKind::OAuth2),
        secret("unset", SecretKind::Text),
    ];
    let guest = Guest::bare(&Limits::usual(World::Connector), log, clock.clone())
        .with_secrets(Some(Secrets { declared: declared.into(), vault: Arc::new(Keys) }))
        .with_http(Some(HttpAccess {
            hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
            config: json!({}),
            wire: Arc::clone(&script) as _,
            throttle: Arc::new(Throttle::new(clock)),
            plugin: "t".into(),
            requests_left: 30,
            largest: 1_000,
        }));
    (guest, script)
}

fn request(url: &str, auth: http::Auth) -> http::Request {
    http::Request {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: None,
        auth,
        timeout_ms: None,
    }
}

fn bearer(name: &str) -> http::Auth {
    http::Auth::Bearer(name.to_owned())
}

#[tokio::test]
async fn a_redirect_is_followed_only_to_granted_hosts() {
    let (mut guest, script) = guest(
        &["a.example", "b.example"],
        vec![
            received(302, &[(LOCATION, "https://b.example/2")]),
            received(302, &[(LOCATION, "https://c.example/3")]),
        ],
    );
    let error =
        guest.fetch(request("https://a.example/1", http::Auth::None)).await.unwrap().unwrap_err();
    assert!(
        matches!(&error, http::HttpError::NotAllowed(text) if text.contains("c.example")),
        "{error:?}"
    );
    assert_eq!(script.sent.lock().unwrap().len(), 2, "the third host was never asked");
}

#[tokio::test]
async fn credentials_stay_at_the_host_they_are_for() {
    let (mut guest, script) = guest(
        &["a.example", "b.example"],
        vec![
            received(307, &[(LOCATION, "/2")]),
            received(307, &[(LOCATION, "https://b.example/3")]),
            received(307, &[(LOCATION, "https://a.example/4")]),
            received(200, &[]),
        ],
    );
    let answer = guest.fetch(request("https://a.example/1", bearer("key"))).await.unwrap().unwrap();
    assert_eq!((answer.status, answer.final_url.as_str()), (200, "https://a.example/4"));
    let sent = script.sent.lock().unwrap();
    let carried: Vec<bool> =
        sent.iter().map(|sent| sent.headers.contains_key(AUTHORIZATION)).collect();
    assert_eq!(carried, [true, true, false, false], "a way back does not revive them");
}

#[tokio::test]
async fn secrets_never_go_where_only_the_star_leads() {
    let (mut guest, script) = guest(&["*", "a.example"], vec![received(200, &[])]);
    let error =
        guest.fetch(request("https://evil.example/", bearer("key"))).await.unwrap().unwrap_err();
    assert!(matches!(error, http::HttpError::NotAllowed(_)), "{error:?}");
    assert!(script.sent.lock().unwrap().is_empty());
    guest.fetch(request("https://a.example/", bearer("key"))).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let (mut guest, script) = guest(&["a.example"], vec![received(401, &[]), received(401, &[])]);
    let answer =
        guest.fetch(request("https://a.example/", bearer("login"))).await.unwrap().unwrap();
    assert_eq!(answer.status, 401);
    let sent = script.sent.lock().unwrap();
    let tokens: Vec<&str> =
        sent.iter().map(|sent| sent.headers[AUTHORIZATION].to_str().unwrap()).collect();
    assert_eq!(tokens, ["Bearer old-token", "Bearer new-token"]);
}

#[tokio::test]
async fn a_failure_for_want_of_a_secret_asks_to_sign_in() {
    let (mut guest, _) = guest(&["a.example"], Vec::new());
    guest.fetch(request("https://a.example/", bearer("unset"))).await.unwrap().unwrap_err();
    // Whatever it calls its failure; SDKs call what the node does not allow a wrong configuration.
    for failure in [PluginFailure::Failed, PluginFailure::BadConfig] {
        let judged = guest.judge(failure("cannot".to_owned()));
        assert!(matches!(judged, PluginFailure::Unauthorized(text) if text.contains("unset")));
    }
    let judged = guest.judge(PluginFailure::Rejected("a webhook".to_owned()));
    assert!(matches!(judged, PluginFailure::Rejected(_)));
}

#[tokio::test]
async fn headers_of_the_host_and_strange_requests_are_refused() {
    let (mut guest, script) = guest(&["a.example"], vec![received(200, &[])]);
    for (name, auth) in [
        ("Host", http::Auth::None),
        ("Cookie", http::Auth::None),
        ("Transfer-Encoding", http::Auth::None),
        ("authorization", bearer("key")),
        ("X-Key", http::Auth::Header(("x-key".to_owned(), "key".to_owned()))),
    ] {
        let mut request = request("https://a.example/", auth);
        request.headers.push((name.to_owned(), "x".to_owned()));
        let error = guest.fetch(request).await.unwrap().unwrap_err();
        assert!(matches!(error, http::HttpError::BadRequest(_)), "{name}: {error:?}");
    }
    for url in ["ftp://a.example/", "https://u:p@a.example/", "https://b.example/", "nonsense"] {
        guest.fetch(request(url, http::Auth::None)).await.unwrap().unwrap_err();
    }
    let mut strange = request("https://a.example/", http::Auth::None);
    strange.method = "CONNECT".to_owned();
    guest.fetch(strange).await.unwrap().unwrap_err();
    assert!(script.sent.lock().unwrap().is_empty(), "none of them left the node");
    let mut own = request("https://a.example/", http::Auth::None);
    own.headers.push(("Authorization".to_owned(), "own".to_owned()));
    guest.fetch(own).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_service_that_asks_to_wait_is_left_alone() {
    let (mut guest, script) = guest(&["a.example"], vec![received(429, &[(RETRY_AFTER, "120")])]);
    let answer =
        guest.fetch(request("https://a.example/", http::Auth::None)).await.unwrap().unwrap();
    assert_eq!(answer.status, 429);
    let error =
        guest.fetch(request("https://a.example/x", http::Auth::None)).await.unwrap().unwrap_err();
    assert!(
        matches!(error, http::HttpError::Throttled(seconds) if (1..=120).contains(&seconds)),
        "{error:?}"
    );
    assert_eq!(script.sent.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn nothing_of_a_secret_stays_where_a_guests_words_are_cut() {
    let (mut guest, _) = guest(&["a.example"], vec![received(200, &[])]);
    guest.fetch(request("https://a.example/", bearer("key"))).await.unwrap().unwrap();
    let text = format!("{}old-token and more", "x".repeat(996));
    let judged = guest.judge(PluginFailure::Failed(text));
    assert!(matches!(&judged, PluginFailure::Failed(text) if !text.contains("old")), "{judged:?}");
    let judged = guest.judge(PluginFailure::Failed("two\nlines\u{1b}[2J".to_owned()));
    assert_eq!(judged, PluginFailure::Failed("two lines\u{fffd}[2J".to_owned()));
}

#[tokio::test]
async fn the_outside_has_no_longer_than_the_call() {
    let (mut guest, script) = guest(&["a.example"], vec![received(200, &[]); 2]);
    guest.begins(Duration::from_secs(10));
    guest.fetch(request("https://a.example/", http::Auth::None)).await.unwrap().unwrap();
    let given = script.sent.lock().unwrap()[0].timeout.unwrap();
    assert!(given > Duration::from_secs(8) && given <= Duration::from_secs(9), "{given:?}");
    guest.begins(Duration::ZERO);
    let error =
        guest.fetch(request("https://a.example/", http::Auth::None)).await.unwrap().unwrap_err();
    assert!(matches!(error, http::HttpError::Timeout), "{error:?}");
    assert_eq!(script.sent.lock().unwrap().len(), 1, "nothing is sent that nobody can wait for");
}

#[tokio::test]
async fn a_call_makes_no_more_requests_than_it_may() {
    let (mut guest, script) = guest(&["a.example"], vec![received(200, &[]); 40]);
    for _ in 0..30 {
        guest.fetch(request("https://a.example/", http::Auth::None)).await.unwrap().unwrap();
    }
    guest.fetch(request("https://a.example/", http::Auth::None)).await.unwrap().unwrap_err();
    assert_eq!(script.sent.lock().unwrap().len(), 30);
}
