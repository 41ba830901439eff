//! Taking one activity to one inbox. When to try again is the caller's business, and in its queue;
//! what the answer means is decided here.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, StatusCode};
use spine::http::{GuardedClient, HttpError, IncomingResponse};
use url::Url;

use crate::keys::ActorKey;
use crate::knock::{Knock, KnockError};
use crate::retry_after::retry_after;
use crate::signature::SignatureForm;

/// Characters of a server's explanation that are kept for the admin.
const MAX_EXPLANATION: usize = 200;

/// How a delivery went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryReport {
    /// What the answer means.
    pub outcome: DeliveryOutcome,
    /// The form of signature to prefer for this host from now on.
    pub form: SignatureForm,
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The server has it.
    Delivered,
    /// It will never be taken: a final 4xx, 501, or an address that the node does not talk to.
    Refused {
        /// The status, if there was an answer.
        status: Option<StatusCode>,
        /// For the admin.
        reason: String,
    },
    /// The inbox is gone for good (410): its actor is deleted.
    Gone,
    /// It may be taken later.
    Retry {
        /// The status, if there was an answer.
        status: Option<StatusCode>,
        /// The wait that the server asks for, as it says it: nothing keeps it from asking for none.
        after: Option<Duration>,
        /// For the admin.
        reason: String,
    },
}

/// Posts `body` to `inbox`, signed by `key`, first in the `preferred` form and, upon 400 or 401, in
/// the other.
pub async fn deliver(
    client: &GuardedClient,
    key: &ActorKey,
    inbox: &Url,
    body: Bytes,
    preferred: SignatureForm,
    now: DateTime<Utc>,
) -> DeliveryReport {
    let knock = Knock {
        client,
        key,
        method: Method::POST,
        url: inbox,
        headers: HeaderMap::new(),
        body: Some(body),
        now,
    };
    match knock.send(preferred).await {
        Ok((response, form)) => DeliveryReport { outcome: judge(&response, now), form },
        Err(error) => DeliveryReport { outcome: judge_failure(&error), form: preferred },
    }
}

fn judge(response: &IncomingResponse, now: DateTime<Utc>) -> DeliveryOutcome {
    let status = response.status;
    let reason = || explain(response);
    match status {
        _ if status.is_success() => DeliveryOutcome::Delivered,
        StatusCode::GONE => DeliveryOutcome::Gone,
        // A key that is not found yet, a server that is busy: Mastodon tries these again too.
        StatusCode::UNAUTHORIZED | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            later(response, now)
        }
        StatusCode::NOT_IMPLEMENTED => {
            DeliveryOutcome::Refused { status: Some(status), reason: reason() }
        }
        _ if status.is_client_error() => {
            DeliveryOutcome::Refused { status: Some(status), reason: reason() }
        }
        // 5xx, and redirects: the actor's document will say where the inbox is.
        _ => later(response, now),
    }
}

fn later(response: &IncomingResponse, now: DateTime<Utc>) -> DeliveryOutcome {
    DeliveryOutcome::Retry {
        status: Some(response.status),
        after: retry_after(&response.headers, now),
        reason: explain(response),
    }
}

fn judge_failure(error: &KnockError) -> DeliveryOutcome {
    let reason = explain_failure(error);
    match error {
        KnockError::Http(error) if error.is_transient() => {
            DeliveryOutcome::Retry { status: None, after: None, reason }
        }
        // The body does not matter: whatever it says, the server answered too much.
        KnockError::Http(HttpError::TooLarge { .. }) => {
            DeliveryOutcome::Retry { status: None, after: None, reason }
        }
        KnockError::Http(_) | KnockError::Signature(_) => {
            DeliveryOutcome::Refused { status: None, reason }
        }
    }
}

/// The failure and what lies deepest beneath it: "the connection failed: Connection refused".
fn explain_failure(error: &KnockError) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let (outer, inner) = (error.to_string(), deepest.to_string());
    let text = if outer == inner { outer } else { format!("{outer}: {inner}") };
    text.chars().take(MAX_EXPLANATION).collect()
}

/// The status and the beginning of what the server says, on one line.
fn explain(response: &IncomingResponse) -> String {
    let text = String::from_utf8_lossy(&response.body[..response.body.len().min(1024)]);
    let text: String = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .filter(|character| !character.is_control())
        .take(MAX_EXPLANATION)
        .collect();
    if text.is_empty() {
        format!("the server answered {}", response.status)
    } else {
        format!("the server answered {}: {text}", response.status)
    }
}

#[cfg(test)]
mod tests;
