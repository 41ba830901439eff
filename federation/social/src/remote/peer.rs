//! For tests: a node of ours whose inbox is spoken to, and a small server on loopback that plays the
//! rest of the fediverse and remembers what it was asked.

#![cfg(test)]

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use activitypub::keys::{ActorKey, RsaSigningKey};
use activitypub::signature::{self, SignatureForm};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Method;
use serde_json::{Value, json};
use spine::{Cause, Clock};
use url::Url;

use crate::commands::HostBlocks;
use crate::home::{HERE, Home};
use crate::inbound::{InboxRefusal, InboxRequest, InboxTarget, Receipt};
use crate::store::inbound_accounts::{self, AccountRow};
use crate::write::follows::{self, NewFollow};
use crate::write::posts::{self, StoredPost};
use crate::{AccountId, PostId, Social, Visibility};

/// Two keys of remote actors.
static REMOTE_KEYS: LazyLock<[Arc<RsaSigningKey>; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Arc::new(RsaSigningKey::generate().unwrap())));

/// Which key a remote actor publishes, or a request is signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    First,
    Second,
}

impl Key {
    fn material(self) -> Arc<RsaSigningKey> {
        REMOTE_KEYS[usize::from(self == Self::Second)].clone()
    }
}

#[derive(Default)]
struct Served {
    documents: HashMap<String, (u16, Value)>,
    asked: Vec<String>,
    delivered: Vec<Value>,
}

/// A remote server.
pub(crate) struct Peer {
    pub(crate) origin: String,
    served: Arc<Mutex<Served>>,
}

fn lock(served: &Mutex<Served>) -> MutexGuard<'_, Served> {
    served.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(served): State<Arc<Mutex<Served>>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if request.method() == Method::POST {
        let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
        lock(&served).delivered.push(serde_json::from_slice(&body).unwrap());
        return StatusCode::ACCEPTED.into_response();
    }
    let mut served = lock(&served);
    served.asked.push(request.uri().to_string());
    if path == "/.well-known/webfinger" {
        let query = request.uri().query().unwrap_or_default();
        let name = query.split("acct%3A").nth(1).or_else(|| query.split("acct:").nth(1));
        let name = name.unwrap_or_default().split(['@', '%']).next().unwrap_or_default();
        let Some((200, actor)) = served.documents.get(&format!("/users/{name}")) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let id = actor["id"].as_str().unwrap();
        let host = Url::parse(id).unwrap();
        let host = &host[url::Position::BeforeHost..url::Position::AfterPort];
        let descriptor = json!({
            "subject": format!("acct:{name}@{host}"),
            "links": [{"rel": "self", "type": "application/activity+json", "href": id}],
        });
        return ([(header::CONTENT_TYPE, "application/jrd+json")], descriptor.to_string())
            .into_response();
    }
    match served.documents.get(&path) {
        Some((302, to)) => {
            (StatusCode::FOUND, [(header::LOCATION, to.as_str().unwrap())]).into_response()
        }
        Some((503, Value::Number(seconds))) => {
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, seconds.to_string())])
                .into_response()
        }
        Some((status, document)) => (
            StatusCode::from_u16(*status).unwrap(),
            [(header::CONTENT_TYPE, "application/activity+json")],
            document.to_string(),
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Peer {
    pub(crate) async fn start() -> Self {
        let served = Arc::new(Mutex::new(Served::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let routes = axum::Router::new().fallback(answer).with_state(served.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { origin, served }
    }

    pub(crate) fn domain(&self) -> &str {
        self.origin.trim_start_matches("http://")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// The id of a user.
    pub(crate) fn user(&self, name: &str) -> String {
        self.url(&format!("/users/{name}"))
    }

    /// Serves a document under its own id.
    pub(crate) fn serve(&self, document: &Value) {
        let id = Url::parse(document["id"].as_str().unwrap()).unwrap();
        self.serve_at(id.path(), 200, document);
    }

    pub(crate) fn serve_at(&self, path: &str, status: u16, document: &Value) {
        lock(&self.served).documents.insert(path.to_owned(), (status, document.clone()));
    }

    /// Answers those who ask for this path that it is too busy, for so many seconds.
    pub(crate) fn is_busy_at(&self, path: &str, seconds: u64) {
        self.serve_at(path, 503, &json!(seconds));
    }

    /// Sends those who ask for this path elsewhere.
    pub(crate) fn redirect(&self, path: &str, to: &str) {
        self.serve_at(path, 302, &json!(to));
    }

    /// An actor document, served.
    pub(crate) fn add_actor(&self, name: &str, key: Key) -> Value {
        let id = self.user(name);
        let actor = json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": id, "type": "Person", "preferredUsername": name,
            "inbox": format!("{id}/inbox"), "outbox": format!("{id}/outbox"),
            "followers": format!("{id}/followers"), "featured": format!("{id}/featured"),
            "endpoints": {"sharedInbox": self.url("/inbox")},
            "publicKey": {"id": format!("{id}#main-key"), "owner": id,
                          "publicKeyPem": key.material().public_key_pem()},
        });
        self.serve(&actor);
        actor
    }

    /// A public note by a user, not served.
    pub(crate) fn note(&self, author: &str, path: &str) -> Value {
        json!({
            "id": self.url(path), "type": "Note", "attributedTo": self.user(author),
            "content": format!("<p>by {author}</p>"), "published": now_text(),
            "to": ["https://www.w3.org/ns/activitystreams#Public"],
            "cc": [format!("{}/followers", self.user(author))],
        })
    }

    /// An activity of a user.
    pub(crate) fn activity(&self, kind: &str, actor: &str, path: &str, object: Value) -> Value {
        json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": self.url(path), "type": kind, "actor": self.user(actor), "object": object,
            "to": ["https://www.w3.org/ns/activitystreams#Public"],
        })
    }

    /// The key that a user's requests are signed with.
    pub(crate) fn actor_key(&self, name: &str, key: Key) -> ActorKey {
        let key_id = Url::parse(&format!("{}#main-key", self.user(name))).unwrap();
        ActorKey { key_id, key: key.material() }
    }

    /// The types of the activities that it was sent.
    pub(crate) fn delivered(&self) -> Vec<String> {
        let delivered = std::mem::take(&mut lock(&self.served).delivered);
        delivered.iter().map(|body| body["type"].as_str().unwrap().to_owned()).collect()
    }

    /// What it was asked since the last time, without queries.
    pub(crate) fn asked(&self) -> Vec<String> {
        let asked = std::mem::take(&mut lock(&self.served).asked);
        asked.into_iter().map(|uri| uri.split('?').next().unwrap().to_owned()).collect()
    }
}

fn now_text() -> String {
    Clock::system().now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// How a request is signed.
pub(crate) struct Signing {
    pub(crate) form: SignatureForm,
    pub(crate) key: Key,
    pub(crate) key_id: String,
    pub(crate) time: DateTime<Utc>,
}

/// A node of ours.
pub(crate) struct Node(Home);

impl Deref for Node {
    type Target = Home;

    fn deref(&self) -> &Home {
        &self.0
    }
}

impl Node {
    pub(crate) async fn start() -> Self {
        Self::start_on(Clock::system()).await
    }

    /// A node on this clock.
    pub(crate) async fn start_on(clock: Clock) -> Self {
        Self(Home::start(clock).await)
    }

    pub(crate) fn user(&self, name: &str) -> String {
        format!("{HERE}/users/{name}")
    }

    /// A post of one of our accounts.
    pub(crate) async fn add_post(
        &self,
        name: &str,
        author: AccountId,
        visibility: Visibility,
    ) -> (PostId, String) {
        let spine = self.social.spine();
        let id = PostId(spine.snowflakes().next());
        let uri = format!("{}/statuses/{id}", self.user(name));
        let mut post = StoredPost::new(id, &uri, author, visibility, spine.clock().now());
        post.local = true;
        post.content_html = "<p>ours</p>".to_owned();
        self.insert(post).await;
        (id, uri)
    }

    pub(crate) async fn insert(&self, post: StoredPost) {
        let mut tx = self.social.spine().begin(Cause::system()).await.unwrap();
        posts::insert(&self.social, &mut tx, &[post]).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Lets one account follow another, accepted.
    pub(crate) async fn follow(&self, follower: AccountId, target: AccountId, uri: &str) {
        let mut tx = self.social.spine().begin(Cause::system()).await.unwrap();
        let follow = NewFollow::new(follower, target, uri.to_owned(), true);
        follows::request(&self.social, &mut tx, &[follow]).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Reads a remote actor, and lets one of ours follow it.
    pub(crate) async fn follow_remote(&self, follower: AccountId, actor: &str) -> AccountRow {
        let id = Url::parse(actor).unwrap();
        let account = self.social.remote_account(&id).await.unwrap();
        let uri = format!("{HERE}/follows/{}", account.id);
        self.follow(follower, account.id, &uri).await;
        account
    }

    /// Blocks a domain for the whole node.
    pub(crate) async fn block(&self, domain: &str) {
        self.social.block_hosts(&[domain.to_owned()], HostBlocks::Also("")).await.unwrap();
    }

    /// The right way to sign for an actor.
    pub(crate) fn signing(&self, activity: &Value) -> Signing {
        Signing {
            form: SignatureForm::Cavage,
            key: Key::First,
            key_id: format!("{}#main-key", activity["actor"].as_str().unwrap()),
            time: self.social.spine().clock().now(),
        }
    }

    /// A signed request to our shared inbox.
    pub(crate) fn request(&self, activity: &Value, signing: &Signing) -> InboxRequest {
        let body = Bytes::from(activity.to_string());
        let target_uri = Url::parse(&format!("{HERE}/inbox")).unwrap();
        let key =
            ActorKey { key_id: Url::parse(&signing.key_id).unwrap(), key: signing.key.material() };
        let headers = signature::sign(
            signing.form,
            &key,
            &Method::POST,
            &target_uri,
            Some(&body),
            signing.time,
        )
        .unwrap();
        InboxRequest {
            method: Method::POST,
            target_uri,
            headers,
            body,
            to: InboxTarget::Shared,
            client: None,
        }
    }

    pub(crate) async fn receive_signed(
        &self,
        activity: &Value,
        signing: &Signing,
    ) -> Result<Receipt, InboxRefusal> {
        self.social.receive(self.request(activity, signing)).await
    }

    /// Receives an activity signed as it should be.
    pub(crate) async fn receive(&self, activity: &Value) -> Result<Receipt, InboxRefusal> {
        self.receive_signed(activity, &self.signing(activity)).await
    }

    /// Receives an activity and waits until it is applied.
    pub(crate) async fn apply(&self, activity: &Value) {
        assert_eq!(self.receive(activity).await.unwrap(), Receipt::Accepted, "{activity}");
        self.running.settle().await;
    }

    /// Another process of the same node.
    pub(crate) async fn another(&self) -> Social {
        let spine = self.test.another().await.unwrap();
        let settings = self.social.settings().clone();
        Social::open(spine, settings, self.social.0.client.clone()).await.unwrap()
    }

    pub(crate) async fn account(&self, uri: &str) -> Option<AccountRow> {
        inbound_accounts::by_uri(self.social.spine().pool(), uri).await.unwrap()
    }

    /// Gives a stored remote account a handle on another domain than its host's.
    pub(crate) async fn rename_domain(&self, uri: &str, domain: &str) {
        sqlx::query("UPDATE social.account SET domain = $2 WHERE uri = $1")
            .bind(uri)
            .bind(domain)
            .execute(self.social.spine().pool())
            .await
            .unwrap();
        self.social.0.remote.keys.forget(uri);
    }

    /// Takes it that deliveries to this host failed on many days.
    pub(crate) async fn give_up(&self, host: &str) {
        sqlx::query(
            "INSERT INTO social.remote_host (domain, failures, failing_days, updated_at)
             VALUES ($1, 100, 7, now())
             ON CONFLICT (domain) DO UPDATE SET failures = 100, failing_days = 7",
        )
        .bind(host)
        .execute(self.social.spine().pool())
        .await
        .unwrap();
    }

    /// The text of a stored post.
    pub(crate) async fn text(&self, uri: &str) -> Option<String> {
        sqlx::query_scalar!("SELECT content_html FROM social.post WHERE uri = $1", uri)
            .fetch_optional(self.social.spine().pool())
            .await
            .unwrap()
    }

    /// The number that a statement counts.
    pub(crate) async fn count(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement).fetch_one(self.social.spine().pool()).await.unwrap()
    }
}
