//! Microsoft Graph, as far as delta queries go: pages, `nextLink` and `deltaLink`, `@removed`, 410 for a
//! state that is not known any more, 429 with `Retry-After`, tokens that expire, occurrences of series as
//! stubs.
//!
//! After learn.microsoft.com/graph: "Use delta query to track changes", "Get incremental changes to
//! messages/events/contacts", "Microsoft Graph throttling guidance", "Microsoft Graph error responses".

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, Uri, header};
use serde_json::{Value, json};

use super::server::Server;

/// What Graph keeps of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GraphResource {
    /// Messages of the inbox.
    Messages,
    /// Events of the calendar.
    Events,
    /// Contacts.
    Contacts,
}

/// One item with the change that made it what it is.
struct Item {
    json: Value,
    change: u64,
    gone: bool,
}

#[derive(Default)]
struct Mailbox {
    items: BTreeMap<GraphResource, BTreeMap<String, Item>>,
    changes: u64,
    /// Delta states made before this change are not known any more.
    forgotten_before: BTreeMap<GraphResource, u64>,
    /// Which requests, counted from 1, are answered 429.
    throttled: Vec<u64>,
    requests: u64,
    access_token: String,
    refreshes: u64,
    origin: String,
}

type Shared = Arc<Mutex<Mailbox>>;

fn lock(shared: &Shared) -> MutexGuard<'_, Mailbox> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A local Graph with one mailbox.
pub struct Graph {
    server: Server,
    mailbox: Shared,
}

impl Graph {
    /// Starts it with an empty mailbox. Its first access token is `expired`, so that clients have to
    /// refresh theirs.
    pub async fn start() -> Self {
        let mailbox = Shared::default();
        let delta = |resource| {
            get(
                move |State(mailbox): State<Shared>, uri: Uri, headers: HeaderMap, query| async move {
                    self::delta(&mailbox, resource, &uri, &headers, query)
                },
            )
        };
        let routes = Router::new()
            .route("/v1.0/me/mailFolders/inbox/messages/delta", delta(GraphResource::Messages))
            .route("/v1.0/me/calendarView/delta", delta(GraphResource::Events))
            .route("/v1.0/me/contacts/delta", delta(GraphResource::Contacts))
            .route("/v1.0/me/events/{id}", get(event))
            .route("/common/oauth2/v2.0/token", post(token))
            .with_state(Arc::clone(&mailbox));
        let server = Server::start(routes).await;
        lock(&mailbox).origin = server.origin();
        Self { server, mailbox }
    }

    /// Where it is, without a path.
    pub fn origin(&self) -> String {
        self.server.origin()
    }

    /// Puts an item there, or changes it.
    pub fn put(&self, resource: GraphResource, item: Value) {
        let mut mailbox = lock(&self.mailbox);
        mailbox.changes += 1;
        let change = mailbox.changes;
        let id = item["id"].as_str().expect("an id").to_owned();
        let mut json = item;
        json["@odata.etag"] = format!("W/\"{change}\"").into();
        json["changeKey"] = format!("key{change}").into();
        let items = mailbox.items.entry(resource).or_default();
        items.insert(id, Item { json, change, gone: false });
    }

    /// Takes an item away.
    pub fn remove(&self, resource: GraphResource, id: &str) {
        let mut mailbox = lock(&self.mailbox);
        mailbox.changes += 1;
        let change = mailbox.changes;
        if let Some(item) = mailbox.items.entry(resource).or_default().get_mut(id) {
            (item.gone, item.change) = (true, change);
        }
    }

    /// Forgets every delta state given out so far: 410 to who comes with one.
    pub fn forget_states(&self, resource: GraphResource) {
        let mut mailbox = lock(&self.mailbox);
        mailbox.changes += 1;
        let now = mailbox.changes;
        mailbox.forgotten_before.insert(resource, now);
    }

    /// Answers the requests with these numbers (from 1, over all resources) with 429.
    pub fn throttle(&self, requests: impl IntoIterator<Item = u64>) {
        lock(&self.mailbox).throttled.extend(requests);
    }

    /// How many requests for items came.
    pub fn requests(&self) -> u64 {
        lock(&self.mailbox).requests
    }

    /// How often somebody refreshed their token.
    pub fn refreshes(&self) -> u64 {
        lock(&self.mailbox).refreshes
    }
}

/// A place in a listing: since which change, up to which, how many were shown.
struct Place {
    since: u64,
    until: u64,
    shown: usize,
}

impl Place {
    fn read(token: &str) -> Option<Self> {
        let mut numbers = token.split('-');
        let mut number = || numbers.next()?.parse::<u64>().ok();
        let (since, until, shown) = (number()?, number()?, number()?);
        Some(Self { since, until, shown: usize::try_from(shown).ok()? })
    }
}

fn delta(
    shared: &Shared,
    resource: GraphResource,
    uri: &Uri,
    headers: &HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let mut mailbox = lock(shared);
    mailbox.requests += 1;
    if let Some(refusal) = refusal(&mailbox, headers) {
        return refusal;
    }
    if mailbox.throttled.contains(&mailbox.requests) {
        let mut response = error(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            "Application is over its MailboxConcurrency limit.",
        );
        response.headers_mut().insert(header::RETRY_AFTER, 1.into());
        return response;
    }
    let token = query.get("$skiptoken").or_else(|| query.get("$deltatoken"));
    let place = match token.map(|token| Place::read(token)) {
        None => Place { since: 0, until: mailbox.changes, shown: 0 },
        Some(Some(place)) => place,
        Some(None) => {
            return error(StatusCode::BAD_REQUEST, "BadRequest", "Badly formed token.");
        }
    };
    let forgotten = mailbox.forgotten_before.get(&resource).copied().unwrap_or_default();
    if token.is_some() && place.until < forgotten {
        return error(
            StatusCode::GONE,
            "syncStateNotFound",
            "The sync state generation is not found; continuing to enumerate from the beginning.",
        );
    }
    // A delta link asks for what came after it.
    let is_delta = query.contains_key("$deltatoken");
    let (since, until, shown) = match is_delta {
        true => (place.until, mailbox.changes, 0),
        false => (place.since, place.until, place.shown),
    };
    let size = page_size(headers);
    let mut changed: Vec<&Item> = mailbox
        .items
        .get(&resource)
        .into_iter()
        .flat_map(BTreeMap::values)
        .filter(|item| item.change > since && (since > 0 || !item.gone))
        .collect();
    changed.sort_by_key(|item| item.change);
    let value: Vec<Value> = changed.iter().skip(shown).take(size).map(|item| show(item)).collect();
    let path = format!("{}{}", mailbox.origin, uri.path());
    let mut body = json!({ "@odata.context": format!("{}/v1.0/$metadata#Collection", mailbox.origin), "value": value });
    if shown + size < changed.len() {
        let next = shown + size;
        body["@odata.nextLink"] = format!("{path}?$skiptoken={since}-{until}-{next}").into();
    } else {
        body["@odata.deltaLink"] = format!("{path}?$deltatoken={since}-{until}-0").into();
    }
    Json(body).into_response()
}

/// 401, unless the token is the newest.
fn refusal(mailbox: &Mailbox, headers: &HeaderMap) -> Option<Response> {
    let bearer = format!("Bearer {}", mailbox.access_token);
    let is_known = headers.get(header::AUTHORIZATION).is_some_and(|have| have == bearer.as_str());
    (mailbox.access_token.is_empty() || !is_known).then(|| {
        error(
            StatusCode::UNAUTHORIZED,
            "InvalidAuthenticationToken",
            "Lifetime validation failed, the token is expired.",
        )
    })
}

/// An item as a delta query shows it: of an occurrence of a series only which and when.
fn show(item: &Item) -> Value {
    if item.gone {
        return json!({ "id": item.json["id"], "@removed": { "reason": "deleted" } });
    }
    if item.json["type"] != "occurrence" {
        return item.json.clone();
    }
    let shown = ["@odata.etag", "id", "type", "seriesMasterId", "start", "end"];
    shown.iter().map(|name| ((*name).to_owned(), item.json[*name].clone())).collect()
}

/// `GET /me/events/{id}`.
async fn event(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let mailbox = lock(&shared);
    if let Some(refusal) = refusal(&mailbox, &headers) {
        return refusal;
    }
    let events = mailbox.items.get(&GraphResource::Events);
    match events.and_then(|events| events.get(&id)).filter(|item| !item.gone) {
        Some(item) => Json(item.json.clone()).into_response(),
        None => error(StatusCode::NOT_FOUND, "ErrorItemNotFound", "The object was not found."),
    }
}

/// `Prefer: odata.maxpagesize=50`, 10 where nothing is said.
fn page_size(headers: &HeaderMap) -> usize {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|part| part.trim().strip_prefix("odata.maxpagesize=")?.parse().ok())
        .unwrap_or(10)
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let inner = json!({ "date": "2026-11-26T00:00:00", "request-id": "00000000-0000-0000-0000-000000000000" });
    let body = json!({ "error": { "code": code, "message": message, "innerError": inner } });
    (status, Json(body)).into_response()
}

/// `POST /{tenant}/oauth2/v2.0/token` with a refresh token (RFC 6749, section 6).
async fn token(
    State(shared): State<Shared>,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    let mut mailbox = lock(&shared);
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if field("grant_type") != "refresh_token" || !field("refresh_token").starts_with("refresh") {
        let body = json!({ "error": "invalid_grant", "error_description": "AADSTS70000" });
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    }
    mailbox.refreshes += 1;
    mailbox.access_token = format!("access{}", mailbox.refreshes);
    Json(json!({
        "token_type": "Bearer",
        "expires_in": 3_599,
        "access_token": mailbox.access_token,
        "refresh_token": format!("refresh{}", mailbox.refreshes),
    }))
    .into_response()
}
