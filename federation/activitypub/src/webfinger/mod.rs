//! WebFinger (RFC 7033): from a handle to an actor, and back.
//!
//! A handle is only a name that a host gives to an actor: it holds when both sides say so. Before a
//! handle is shown for an actor, [`WebFinger::confirm`] asks the host.

mod handle;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use spine::http::{GuardedClient, HttpError, IncomingResponse, OutgoingRequest, PlainHttp};
use url::Url;

pub use handle::{Handle, HandleError};

use crate::gate::{self, HostGate, OpenGate};
use crate::media_type::is_activity_streams;
use crate::redirect::{Hops, RedirectError};
use crate::vocabulary::{Actor, parse_url};

const JRD_JSON: HeaderValue =
    HeaderValue::from_static("application/jrd+json, application/json;q=0.9");

/// What stays readable in the `resource` parameter.
const RESOURCE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b':').remove(b'@').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// A descriptor is short: more links than this are not read.
const MAX_LINKS: usize = 100;

/// A handle led nowhere.
#[derive(Debug, thiserror::Error)]
pub enum WebFingerError {
    /// No response.
    #[error("the host cannot be asked")]
    Http(#[from] HttpError),
    /// The host is blocked.
    #[error("the host {0} is blocked")]
    Blocked(String),
    /// A redirect that is not followed.
    #[error(transparent)]
    Redirect(#[from] RedirectError),
    /// The host knows no such account.
    #[error("the host knows no such account")]
    NotFound,
    /// Another status.
    #[error("the host answered {0}")]
    Status(StatusCode),
    /// The answer is not a resource descriptor.
    #[error("the answer is not a resource descriptor")]
    Malformed,
    /// The account has no ActivityPub actor.
    #[error("the account has no ActivityPub actor")]
    NoActor,
    /// The text is not a handle.
    #[error(transparent)]
    Handle(#[from] HandleError),
    /// The actor's host does not give the actor this name.
    #[error("the host does not confirm the handle {0}")]
    Unconfirmed(Handle),
}

impl WebFingerError {
    /// Whether asking later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Http(error) => error.is_transient(),
            Self::Status(status) => {
                status.is_server_error()
                    || matches!(
                        *status,
                        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
                    )
            }
            _ => false,
        }
    }
}

/// What a host says about a handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The handle as its host writes it; another host's where the account's domain differs from the
    /// server's.
    pub subject: Handle,
    /// The actor's id.
    pub actor: Url,
}

/// Asks hosts about handles. Cheap to clone.
#[derive(Clone)]
pub struct WebFinger {
    client: GuardedClient,
    gate: Arc<dyn HostGate>,
}

impl WebFinger {
    /// Asks every host.
    pub fn new(client: GuardedClient) -> Self {
        Self { client, gate: Arc::new(OpenGate) }
    }

    /// Asks only hosts that `gate` admits.
    #[must_use]
    pub fn with_gate(mut self, gate: Arc<dyn HostGate>) -> Self {
        self.gate = gate;
        self
    }

    /// The actor behind a handle. Fetch it and confirm before the handle is shown.
    pub async fn resolve(&self, handle: &Handle) -> Result<Url, WebFingerError> {
        self.lookup(handle).await.map(|resolution| resolution.actor)
    }

    /// All that the host says about a handle.
    pub async fn lookup(&self, handle: &Handle) -> Result<Resolution, WebFingerError> {
        let response = self.ask(handle).await?;
        match response.status {
            status if status.is_success() => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(WebFingerError::NotFound),
            status => return Err(WebFingerError::Status(status)),
        }
        let descriptor: Value =
            serde_json::from_slice(&response.body).map_err(|_| WebFingerError::Malformed)?;
        let actor = actor_link(&descriptor).ok_or(WebFingerError::NoActor)?;
        let subject = descriptor
            .get("subject")
            .and_then(Value::as_str)
            .and_then(|subject| Handle::parse(subject).ok())
            .unwrap_or_else(|| handle.clone());
        Ok(Resolution { subject, actor })
    }

    /// The handle under which the actor's host knows the actor. Where the host names another domain
    /// for the account, that domain has to agree.
    pub async fn confirm(&self, actor: &Actor) -> Result<Handle, WebFingerError> {
        let claimed = match &actor.webfinger {
            Some(webfinger) => Handle::parse(webfinger)?,
            None => Handle::new(&actor.preferred_username, authority(&actor.id))?,
        };
        let resolution = self.lookup(&claimed).await?;
        if resolution.actor != actor.id {
            return Err(WebFingerError::Unconfirmed(claimed));
        }
        if resolution.subject == claimed {
            return Ok(resolution.subject);
        }
        let subject = resolution.subject;
        let second = self.lookup(&subject).await?;
        if second.actor == actor.id && second.subject == subject {
            Ok(subject)
        } else {
            Err(WebFingerError::Unconfirmed(subject))
        }
    }

    /// Asks by https; by http only where nobody speaks https and the operator allows it.
    async fn ask(&self, handle: &Handle) -> Result<IncomingResponse, WebFingerError> {
        let secure = self.ask_by("https", handle).await;
        let allows_plain = self.client.policy().allow_plain_http == PlainHttp::AllowedNetworksOnly;
        match secure {
            Err(WebFingerError::Http(error)) if allows_plain && error.is_transient() => {
                match self.ask_by("http", handle).await {
                    Err(WebFingerError::Http(HttpError::PlainHttp)) => Err(error.into()),
                    plain => plain,
                }
            }
            answer => answer,
        }
    }

    async fn ask_by(
        &self,
        scheme: &str,
        handle: &Handle,
    ) -> Result<IncomingResponse, WebFingerError> {
        let host = handle.host();
        let subject = handle.acct_uri();
        let resource = utf8_percent_encode(&subject, RESOURCE);
        let mut url =
            Url::parse(&format!("{scheme}://{host}/.well-known/webfinger?resource={resource}"))
                .map_err(|_| HandleError::Host)?;
        let mut hops = Hops::default();
        loop {
            if !gate::admits(&*self.gate, &url).await {
                let host = url.host_str().unwrap_or_default().to_owned();
                return Err(WebFingerError::Blocked(host));
            }
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, JRD_JSON);
            let request = OutgoingRequest::get(url.clone()).with_headers(headers);
            let response = self.client.send(request).await?;
            match hops.next(&url, response.status, &response.headers)? {
                Some(next) => url = next,
                None => return Ok(response),
            }
        }
    }
}

fn authority(url: &Url) -> &str {
    &url[url::Position::BeforeHost..url::Position::AfterPort]
}

/// The `self` link to an ActivityStreams document.
fn actor_link(descriptor: &Value) -> Option<Url> {
    let links = descriptor.get("links")?.as_array()?;
    links.iter().take(MAX_LINKS).find_map(|link| {
        let text = |name: &str| link.get(name).and_then(Value::as_str);
        (text("rel")? == "self" && is_activity_streams(text("type")?))
            .then(|| parse_url(text("href")?))
            .flatten()
    })
}
