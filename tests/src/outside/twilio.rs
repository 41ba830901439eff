//! Twilio: its API for messages, and its signature on webhooks.
//!
//! After twilio.com/docs: "Messages resource" (create, list), "Validating requests" (X-Twilio-Signature: HMAC-SHA1 of
//! the address and the sorted form fields, in base64).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::hmac;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use super::server::Server;

/// The account.
const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// Its secret.
const AUTH_TOKEN: &str = "a secret of thirty-two characters";

/// A message that somebody had sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentSms {
    /// To whom.
    pub to: String,
    /// From which number.
    pub from: String,
    /// The text.
    pub body: String,
    /// `I-Twilio-Idempotency-Token`, where it was sent.
    pub idempotency: Option<String>,
    /// Where news of it is wanted.
    pub status_callback: Option<String>,
}

type Sent = Arc<Mutex<Vec<SentSms>>>;

/// A local Twilio with one account.
pub struct Twilio {
    server: Server,
    sent: Sent,
}

impl Twilio {
    /// Starts it.
    pub async fn start() -> Self {
        let sent = Sent::default();
        let routes = Router::new()
            .route("/2010-04-01/Accounts/{account}/Messages.json", get(list).post(create))
            .with_state(Arc::clone(&sent));
        Self { server: Server::start(routes).await, sent }
    }

    /// Where it is.
    pub fn origin(&self) -> String {
        self.server.origin()
    }

    /// The account's id.
    pub fn account(&self) -> &'static str {
        ACCOUNT
    }

    /// The account's secret.
    pub fn auth_token(&self) -> &'static str {
        AUTH_TOKEN
    }

    /// What was sent so far.
    pub fn sent(&self) -> Vec<SentSms> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The signature of a webhook to this address with these form fields.
    pub fn signature(&self, address: &str, fields: &[(&str, &str)]) -> String {
        let mut sorted: Vec<_> = fields.to_vec();
        sorted.sort_unstable();
        let text: String = std::iter::once(address.to_owned())
            .chain(sorted.into_iter().map(|(name, value)| format!("{name}{value}")))
            .collect();
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, AUTH_TOKEN.as_bytes());
        STANDARD.encode(hmac::sign(&key, text.as_bytes()))
    }
}

fn is_known(account: &str, headers: &HeaderMap) -> bool {
    let credential = format!("Basic {}", STANDARD.encode(format!("{ACCOUNT}:{AUTH_TOKEN}")));
    account == ACCOUNT && headers.get(header::AUTHORIZATION).is_some_and(|have| *have == credential)
}

fn who() -> Response {
    let body = json!({ "code": 20_003, "message": "Authenticate", "status": 401 });
    (StatusCode::UNAUTHORIZED, Json(body)).into_response()
}

/// A message as Twilio shows it.
fn resource(number: usize, message: &SentSms) -> Value {
    json!({
        "sid": format!("SM{number:032}"),
        "account_sid": ACCOUNT,
        "to": message.to,
        "from": message.from,
        "body": message.body,
        "direction": "outbound-api",
        "status": "queued",
        "num_segments": "1",
        "error_code": null,
        "error_message": null,
    })
}

async fn list(
    State(sent): State<Sent>,
    Path(account): Path<String>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    if !is_known(&account, &headers) {
        return who();
    }
    let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    let messages: Vec<Value> = sent
        .iter()
        .enumerate()
        .filter(|(_, message)| query.get("To").is_none_or(|to| *to == message.to))
        .map(|(number, message)| resource(number, message))
        .rev()
        .collect();
    Json(json!({ "messages": messages, "page": 0, "page_size": 100 })).into_response()
}

async fn create(
    State(sent): State<Sent>,
    Path(account): Path<String>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    if !is_known(&account, &headers) {
        return who();
    }
    let field = |name: &str| form.get(name).cloned();
    let (Some(to), Some(from), Some(body)) = (field("To"), field("From"), field("Body")) else {
        let body =
            json!({ "code": 21_604, "message": "A 'To' phone number is required.", "status": 400 });
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    };
    let idempotency = headers.get("i-twilio-idempotency-token");
    let idempotency = idempotency.and_then(|token| token.to_str().ok()).map(str::to_owned);
    let message = SentSms { to, from, body, idempotency, status_callback: field("StatusCallback") };
    let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = resource(sent.len(), &message);
    sent.push(message);
    (StatusCode::CREATED, Json(answer)).into_response()
}
