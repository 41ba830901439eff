//! Bringing documents in, and believing them only when they come from their own origin.
//!
//! Every fetch is signed by the node's own actor, since many servers answer nobody else. Redirects
//! are followed by hand, at most three, each hop signed anew. What comes back counts if it came from
//! its own id; if it says that it is something else, it is fetched once more from there.

mod collection;
mod error;
mod key;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use spine::Clock;
use spine::http::{GuardedClient, IncomingResponse};
use url::Url;

pub use collection::CollectionBudget;
pub use error::FetchError;
pub use key::FetchedKey;

use crate::gate::{self, HostGate, OpenGate};
use crate::keys::ActorKey;
use crate::knock::{Knock, remembered_host};
use crate::media_type::is_activity_streams;
use crate::origin::same_origin;
use crate::redirect::Hops;
use crate::retry_after::retry_after;
use crate::signature::SignatureForm;
use crate::vocabulary::{Actor, document_id};

const ACCEPT: HeaderValue = HeaderValue::from_static(
    r#"application/ld+json; profile="https://www.w3.org/ns/activitystreams", application/activity+json"#,
);

/// Remembers which form of signature a host understands. `host` has its port where that is not the
/// scheme's own.
#[async_trait]
pub trait FormMemory: Send + Sync {
    /// The form to try first; draft-cavage for a host never met.
    async fn preferred(&self, host: &str) -> SignatureForm;
    /// The host refused the preferred form and took this one.
    async fn remember(&self, host: &str, form: SignatureForm);
}

/// A document that came from its own origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetched {
    /// The document.
    pub value: Value,
    /// Its id.
    pub id: Url,
    /// The URL that answered, after redirects.
    pub url: Url,
}

/// Fetches documents. Cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    client: GuardedClient,
    key: ActorKey,
    forms: Arc<dyn FormMemory>,
    gate: Arc<dyn HostGate>,
    clock: Clock,
}

/// A document and where it came from; nothing is believed yet.
struct Answer {
    value: Value,
    url: Url,
}

impl Fetcher {
    /// Fetches in the name of the node's own actor.
    pub fn new(client: GuardedClient, key: ActorKey, forms: Arc<dyn FormMemory>) -> Self {
        Self { client, key, forms, gate: Arc::new(OpenGate), clock: Clock::system() }
    }

    /// Contacts only hosts that `gate` admits.
    #[must_use]
    pub fn with_gate(mut self, gate: Arc<dyn HostGate>) -> Self {
        self.gate = gate;
        self
    }

    /// Signs with another clock's time.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Fetches an object from its id, or from a page that stands for it.
    pub async fn fetch_object(&self, url: &Url) -> Result<Fetched, FetchError> {
        let mut requested = without_fragment(url);
        let answer = self.get(&requested).await?;
        match believe(&requested, answer)? {
            Belief::Yes(fetched) => return Ok(fetched),
            Belief::Elsewhere(id) => requested = without_fragment(&id),
        }
        let answer = self.get(&requested).await?;
        match believe(&requested, answer)? {
            Belief::Yes(fetched) => Ok(fetched),
            Belief::Elsewhere(found) => Err(FetchError::IdMismatch {
                expected: Box::new(requested),
                found: Box::new(found),
            }),
        }
    }

    /// Fetches an actor.
    pub async fn fetch_actor(&self, url: &Url) -> Result<Actor, FetchError> {
        let fetched = self.fetch_object(url).await?;
        Ok(Actor::parse(&fetched.value)?)
    }

    /// A signed GET with redirects; the answer's media type is right, its content unproven.
    async fn get(&self, url: &Url) -> Result<Answer, FetchError> {
        let mut url = url.clone();
        let mut hops = Hops::default();
        loop {
            let response = self.get_once(&url).await?;
            if let Some(next) = hops.next(&url, response.status, &response.headers)? {
                url = next;
                continue;
            }
            check_status(&response, self.clock.now())?;
            check_media_type(&response)?;
            let value = serde_json::from_slice(&response.body).map_err(FetchError::Json)?;
            return Ok(Answer { value, url });
        }
    }

    async fn get_once(&self, url: &Url) -> Result<IncomingResponse, FetchError> {
        if !gate::admits(&*self.gate, url).await {
            return Err(FetchError::Blocked(url.host_str().unwrap_or_default().to_owned()));
        }
        let host = remembered_host(url);
        let preferred = self.forms.preferred(host).await;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, ACCEPT);
        let knock = Knock {
            client: &self.client,
            key: &self.key,
            method: Method::GET,
            url,
            headers,
            body: None,
            now: self.clock.now(),
        };
        let (response, form) = knock.send(preferred).await?;
        if form != preferred {
            self.forms.remember(host, form).await;
        }
        Ok(response)
    }
}

enum Belief {
    Yes(Fetched),
    /// It says that it is another document, which has to speak for itself.
    Elsewhere(Url),
}

fn believe(requested: &Url, answer: Answer) -> Result<Belief, FetchError> {
    let id = document_id(&answer.value)?;
    let is_own_id = id == answer.url || (id == *requested && same_origin(&id, &answer.url));
    Ok(match is_own_id {
        true => Belief::Yes(Fetched { value: answer.value, id, url: answer.url }),
        false => Belief::Elsewhere(id),
    })
}

fn without_fragment(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_fragment(None);
    url
}

fn check_status(response: &IncomingResponse, now: DateTime<Utc>) -> Result<(), FetchError> {
    let status = response.status;
    match status {
        _ if status.is_success() => Ok(()),
        StatusCode::GONE => Err(FetchError::Gone),
        StatusCode::NOT_FOUND => Err(FetchError::NotFound),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Err(FetchError::Transient { status, after: retry_after(&response.headers, now) })
        }
        _ if status.is_server_error() => {
            Err(FetchError::Transient { status, after: retry_after(&response.headers, now) })
        }
        _ => Err(FetchError::Refused(status)),
    }
}

fn check_media_type(response: &IncomingResponse) -> Result<(), FetchError> {
    let stated = response.headers.get(header::CONTENT_TYPE);
    let stated = stated.and_then(|value| value.to_str().ok()).unwrap_or_default();
    if is_activity_streams(stated) {
        return Ok(());
    }
    Err(FetchError::ContentType(stated.chars().take(100).collect()))
}
