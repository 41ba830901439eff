//! For tests: a node with people, on a clock that is moved by hand where a test wants that, and a
//! server elsewhere that answers deliveries as it is told.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use spine::{Cause, Clock, Tx};
use sqlx::AssertSqlSafe;

pub(super) use crate::home::HERE;
use crate::home::Home;
use crate::write::accounts::{self, RemoteAccount};
use crate::write::posts::{self, Inserted, StoredPost};
use crate::{AccountId, PostId, SocialError, Visibility};

/// A node.
pub(super) struct World(Home);

impl Deref for World {
    type Target = Home;

    fn deref(&self) -> &Home {
        &self.0
    }
}

impl World {
    /// A node on the system's clock.
    pub(super) async fn start() -> Self {
        Self::start_on(Clock::system()).await
    }

    /// A node on this clock.
    pub(super) async fn start_on(clock: Clock) -> Self {
        Self(Home::start(clock).await)
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.social.spine().clock().now()
    }

    pub(super) async fn begin(&self) -> Tx {
        self.social.spine().begin(Cause::system()).await.unwrap()
    }

    /// A local account.
    pub(super) async fn person(&self, name: &str) -> AccountId {
        self.add_account(name, false).await
    }

    /// A remote account on a host where nothing listens.
    pub(super) async fn stranger(&self, name: &str, domain: &str) -> AccountId {
        self.remote(&remote_account(name, &format!("https://{domain}"), domain)).await
    }

    /// Stores a remote account.
    pub(super) async fn remote(&self, account: &RemoteAccount) -> AccountId {
        let mut tx = self.begin().await;
        let ids =
            accounts::upsert_remote(&self.social, &mut tx, std::slice::from_ref(account)).await;
        tx.commit().await.unwrap();
        ids.unwrap()[0]
    }

    /// A post from elsewhere, ready to be stored.
    pub(super) fn note(&self, author: AccountId, uri: &str, visibility: Visibility) -> StoredPost {
        let now = self.now();
        StoredPost::new(posts::remote_id(now, now), uri, author, visibility, now)
    }

    /// Stores posts.
    pub(super) async fn insert(&self, posts: &[StoredPost]) -> Vec<Inserted> {
        let mut tx = self.begin().await;
        let inserted = posts::insert(&self.social, &mut tx, posts).await.unwrap();
        tx.commit().await.unwrap();
        inserted
    }

    /// Publishes a post of a local account.
    pub(super) async fn publish_new(
        &self,
        author: AccountId,
        new: super::NewPost,
    ) -> Result<PostId, SocialError> {
        Ok(self.social.publish_post(author, new).await?.body.id)
    }

    /// Publishes a public post of a local account.
    pub(super) async fn publish(&self, author: AccountId, text: &str) -> PostId {
        let new = super::NewPost { text: text.to_owned(), ..super::NewPost::default() };
        self.publish_new(author, new).await.unwrap()
    }

    /// Publishes an answer of a local account.
    pub(super) async fn answer(&self, author: AccountId, parent: PostId, text: &str) -> PostId {
        let new = super::NewPost {
            text: text.to_owned(),
            in_reply_to: Some(parent),
            ..super::NewPost::default()
        };
        self.publish_new(author, new).await.unwrap()
    }

    /// Lets one local account follow another account, accepted.
    pub(super) async fn befriend(&self, follower: AccountId, target: AccountId) {
        let uri = format!("{HERE}/follows/{follower}-{target}");
        let mut tx = self.begin().await;
        let follow = crate::write::follows::NewFollow::new(follower, target, uri, true);
        crate::write::follows::request(&self.social, &mut tx, &[follow]).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A number out of the database.
    pub(super) async fn count(&self, query: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_one(self.social.spine().pool())
            .await
            .unwrap()
    }

    /// Texts out of the database.
    pub(super) async fn texts(&self, query: &str) -> Vec<String> {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_all(self.social.spine().pool())
            .await
            .unwrap()
    }

    /// Whether a post is in someone's home timeline.
    pub(super) async fn is_home(&self, account: AccountId, post: PostId) -> bool {
        let query = format!(
            "SELECT count(*) FROM social.home_entry WHERE account_id = {account} AND post_id = {post}"
        );
        self.count(&query).await == 1
    }

    /// The kinds of someone's notifications, oldest first.
    pub(super) async fn notified(&self, account: AccountId) -> Vec<String> {
        let query = format!(
            "SELECT kind FROM social.notification WHERE account_id = {account} ORDER BY id"
        );
        self.texts(&query).await
    }

    /// A counter of a post or an account.
    pub(super) async fn counter(&self, table: &str, column: &str, id: i64) -> i64 {
        self.count(&format!("SELECT {column} FROM social.{table} WHERE id = {id}")).await
    }

    /// How many events of a type the ledger holds.
    pub(super) async fn events(&self, kind: &str) -> i64 {
        self.count(&format!("SELECT count(*) FROM spine.event WHERE type = '{kind}'")).await
    }
}

/// A remote account with its inboxes at `origin`.
pub(super) fn remote_account(name: &str, origin: &str, domain: &str) -> RemoteAccount {
    let uri = format!("{origin}/users/{name}");
    RemoteAccount {
        url: format!("{origin}/@{name}"),
        username: name.to_owned(),
        domain: domain.to_owned(),
        kind: "Person".to_owned(),
        display_name: name.to_owned(),
        note_html: String::new(),
        fields: json!([]),
        emojis: json!([]),
        avatar_url: None,
        header_url: None,
        locked: false,
        bot: false,
        discoverable: true,
        indexable: true,
        hide_collections: false,
        inbox_url: format!("{uri}/inbox"),
        shared_inbox_url: Some(format!("{origin}/inbox")),
        outbox_url: None,
        followers_url: Some(format!("{uri}/followers")),
        following_url: None,
        featured_url: None,
        also_known_as: Vec::new(),
        created_at: DateTime::UNIX_EPOCH,
        followers_count: None,
        following_count: None,
        statuses_count: None,
        keys: vec![(format!("{uri}#main-key"), "PEM".to_owned())],
        cause: Cause::system(),
        uri,
    }
}

/// What a delivery looked like.
#[derive(Clone, Debug)]
pub(super) struct Delivered {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

/// An answer to a delivery: a status, and perhaps a `Retry-After`.
pub(super) type Answer = (u16, Option<u32>);

#[derive(Default)]
struct Elsewhere {
    answers: VecDeque<Answer>,
    refuses_cavage: bool,
    delivered: Vec<Delivered>,
}

/// A server elsewhere.
pub(super) struct Inbox {
    pub(super) origin: String,
    state: Arc<Mutex<Elsewhere>>,
}

async fn take(State(state): State<Arc<Mutex<Elsewhere>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let is_cavage = !parts.headers.contains_key("signature-input");
    state.delivered.push(Delivered {
        path: parts.uri.path().to_owned(),
        headers: parts.headers,
        body,
    });
    if state.refuses_cavage && is_cavage {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let (status, wait) = state.answers.pop_front().unwrap_or((202, None));
    let mut response = StatusCode::from_u16(status).unwrap().into_response();
    if let Some(seconds) = wait {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}

impl Inbox {
    /// A server that takes everything.
    pub(super) async fn start() -> Self {
        let state = Arc::new(Mutex::new(Elsewhere::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let routes = axum::Router::new().fallback(take).with_state(state.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { origin, state }
    }

    pub(super) fn host(&self) -> &str {
        self.origin.trim_start_matches("http://")
    }

    /// What it answers to the next deliveries; 202 after that.
    pub(super) fn will_answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).answers.extend(answers);
    }

    /// It understands RFC 9421 only.
    pub(super) fn refuse_cavage(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).refuses_cavage = true;
    }

    /// What came since the last time.
    pub(super) fn delivered(&self) -> Vec<Delivered> {
        std::mem::take(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).delivered)
    }

    /// The types of what came since the last time.
    pub(super) fn kinds(&self) -> Vec<String> {
        self.delivered()
            .iter()
            .map(|delivered| delivered.body["type"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Someone here.
    pub(super) fn account(&self, name: &str) -> RemoteAccount {
        remote_account(name, &self.origin, self.host())
    }
}
