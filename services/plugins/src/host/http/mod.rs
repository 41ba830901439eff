//! HTTP through the host: allow-list at every hop, no private addresses, credentials put in by the host,
//! limits on number, size and time.

mod credentials;
mod headers;
mod throttle;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use spine::http::OutgoingRequest;
use url::{Origin, Url};

use super::Guest;
use crate::engine::bindings::http;
use crate::manifest::HostPattern;
pub(crate) use throttle::Throttle;
pub(crate) use wire::{Live, Received, Wire};

/// So many redirects are followed.
const REDIRECTS: u32 = 5;
/// The longest that one request may take, whatever the guest says.
const LONGEST: Duration = Duration::from_secs(60);

/// A guest's way to the network.
pub(crate) struct HttpAccess {
    /// Which hosts were granted.
    pub(crate) hosts: Arc<[HostPattern]>,
    /// The account's configuration, which may name hosts.
    pub(crate) config: Value,
    pub(crate) wire: Arc<dyn Wire>,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) plugin: Arc<str>,
    /// How many requests are left to this call.
    pub(crate) requests_left: u32,
    /// The largest body of a response.
    pub(crate) largest: usize,
}

/// One request on its way through redirects.
struct Journey {
    method: Method,
    url: Url,
    /// What the guest sends.
    headers: HeaderMap,
    body: Option<bytes::Bytes>,
    /// What the host adds, for its origin only.
    credential: Option<credentials::Credential>,
    /// Where the credential may go.
    home: Origin,
    timeout: Duration,
}

impl HttpAccess {
    /// Whether a request to this address is within what was granted.
    fn check(&self, url: &Url) -> Result<(), http::HttpError> {
        let refused = |text: &str| Err(http::HttpError::NotAllowed(text.to_owned()));
        if !matches!(url.scheme(), "https" | "http") {
            return refused("only https, and http to private networks that were granted");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("the address holds a user name or a password");
        }
        if self.hosts.iter().any(|host| host.admits(url, &self.config)) {
            return Ok(());
        }
        let host = url.host_str().unwrap_or_default();
        refused(&format!("the host {host} is not among those that were granted"))
    }

    /// A credential goes only where the plugin's manifest or the person's configuration names the host:
    /// `*` is for reading what is public.
    fn may_carry_credentials(&self, url: &Url) -> bool {
        let named = |host: &&HostPattern| **host != HostPattern::Any;
        self.hosts.iter().filter(named).any(|host| host.admits(url, &self.config))
    }

    /// Takes one of the call's requests.
    fn take(&mut self, url: &Url) -> Result<(), http::HttpError> {
        self.requests_left = self.requests_left.checked_sub(1).ok_or_else(|| {
            http::HttpError::NotAllowed("the call has made all of its requests_per_call".to_owned())
        })?;
        match self.throttle.wait(&self.plugin, url) {
            Some(seconds) => Err(http::HttpError::Throttled(seconds)),
            None => Ok(()),
        }
    }

    /// Sends what is due at this hop, and waits no longer than `patience`.
    async fn exchange(
        &mut self,
        journey: &Journey,
        patience: Duration,
    ) -> Result<Received, http::HttpError> {
        self.check(&journey.url)?;
        self.take(&journey.url)?;
        if patience.is_zero() {
            return Err(http::HttpError::Timeout);
        }
        let mut headers = journey.headers.clone();
        if let Some(credential) = &journey.credential {
            credential.put_into(&mut headers);
        }
        let request = OutgoingRequest {
            method: journey.method.clone(),
            url: journey.url.clone(),
            headers,
            body: journey.body.clone(),
            max_body: Some(self.largest),
            timeout: Some(journey.timeout.min(patience)),
        };
        let received = self.wire.exchange(request).await?;
        self.throttle.learn(&self.plugin, &journey.url, &received);
        Ok(received)
    }
}

impl Journey {
    /// Where a response leads, if anywhere.
    fn next(&mut self, received: &Received) -> Result<bool, http::HttpError> {
        let leads = matches!(received.status.as_u16(), 301 | 302 | 303 | 307 | 308);
        let Some(location) = received.headers.get(::http::header::LOCATION).filter(|_| leads)
        else {
            return Ok(false);
        };
        let target = location.to_str().ok().and_then(|text| self.url.join(text).ok());
        let mut target = target.ok_or_else(|| {
            http::HttpError::BadRequest("the service redirects to no address".to_owned())
        })?;
        target.set_fragment(None);
        if target.origin() != self.home {
            // For good: a hop back must not revive them.
            self.credential = None;
            for name in [::http::header::AUTHORIZATION, ::http::header::COOKIE] {
                self.headers.remove(name);
            }
        }
        let becomes_get = match received.status {
            StatusCode::SEE_OTHER => self.method != Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method == Method::POST,
            _ => false,
        };
        if becomes_get {
            self.method = Method::GET;
            self.body = None;
            for name in [::http::header::CONTENT_TYPE, ::http::header::CONTENT_ENCODING] {
                self.headers.remove(name);
            }
        }
        self.url = target;
        Ok(true)
    }
}

impl Guest {
    async fn fetch(
        &mut self,
        request: http::Request,
    ) -> wasmtime::Result<Result<http::Response, http::HttpError>> {
        let mut journey = match self.depart(&request) {
            Ok(journey) => journey,
            Err(error) => return Ok(Err(error)),
        };
        let mut lent = match self.credential(&request.auth, &journey).await? {
            Ok(lent) => lent,
            Err(error) => return Ok(Err(error)),
        };
        journey.credential = lent.as_mut().map(|lent| lent.credential.clone());
        let mut redirects = 0;
        loop {
            let patience = self.patience();
            let Some(http) = &mut self.http else { return Ok(Err(no_network())) };
            let received = match http.exchange(&journey, patience).await {
                Ok(received) => received,
                Err(error) => return Ok(Err(error)),
            };
            // A token that ended early is renewed once.
            if received.status == StatusCode::UNAUTHORIZED
                && journey.credential.is_some()
                && let Some(renewable) = lent.take().filter(|lent| lent.is_renewable())
            {
                match self.renew(renewable).await? {
                    Ok(credential) => {
                        journey.credential = Some(credential);
                        continue;
                    }
                    // The guest sees the refusal itself.
                    Err(()) => return Ok(Ok(answer(received, journey.url))),
                }
            }
            match journey.next(&received) {
                Ok(false) => return Ok(Ok(answer(received, journey.url))),
                Ok(true) if redirects < REDIRECTS => redirects += 1,
                Ok(true) => {
                    return Ok(Err(http::HttpError::NotAllowed(
                        "more than 5 redirects".to_owned(),
                    )));
                }
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    /// Checks what the guest wants to send.
    fn depart(&self, request: &http::Request) -> Result<Journey, http::HttpError> {
        let http = self.http.as_ref().ok_or_else(no_network)?;
        let bad = |text: &str| http::HttpError::BadRequest(text.to_owned());
        let method: Method = request.method.parse().map_err(|_| bad("this is no method"))?;
        if matches!(method, Method::CONNECT | Method::TRACE) {
            return Err(bad("CONNECT and TRACE are not for plugins"));
        }
        let mut url = Url::parse(&request.url).map_err(|_| bad("this is no address"))?;
        url.set_fragment(None);
        http.check(&url)?;
        let injected = credentials::header_of(&request.auth).map_err(|text| bad(&text))?;
        let headers =
            headers::outgoing(&request.headers, injected.as_ref()).map_err(|text| bad(&text))?;
        let asked = request.timeout_ms.map_or(LONGEST, |ms| Duration::from_millis(ms.into()));
        Ok(Journey {
            method,
            home: url.origin(),
            url,
            headers,
            body: request.body.clone().map(Into::into),
            credential: None,
            timeout: asked.min(LONGEST),
        })
    }
}

fn no_network() -> http::HttpError {
    http::HttpError::NotAllowed("this call has no network".to_owned())
}

fn answer(received: Received, url: Url) -> http::Response {
    http::Response {
        status: received.status.as_u16(),
        headers: headers::incoming(&received.headers),
        body: received.body.to_vec(),
        final_url: url.into(),
    }
}

impl http::Host for Guest {
    async fn fetch(
        &mut self,
        request: http::Request,
    ) -> wasmtime::Result<Result<http::Response, http::HttpError>> {
        Guest::fetch(self, request).await
    }
}

#[cfg(test)]
mod tests;
