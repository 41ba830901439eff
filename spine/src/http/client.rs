//! The guarded client itself.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http::{HeaderMap, Method, StatusCode};
use ipnet::IpNet;
use reqwest::redirect;
use url::{Host, Url};

use super::resolver::{AddressRefused, GuardedResolver, Reach};
use super::slots::HostSlots;
use super::{HttpError, HttpPolicy, PlainHttp};

/// A request on its way out.
#[derive(Debug, Clone)]
pub struct OutgoingRequest {
    /// The method.
    pub method: Method,
    /// Where to; a fragment is not sent.
    pub url: Url,
    /// Extra headers. `Host` may only repeat what the URL says.
    pub headers: HeaderMap,
    /// The body.
    pub body: Option<Bytes>,
    /// Another limit than the policy's for the response body, in bytes.
    pub max_body: Option<usize>,
    /// Another limit than the policy's for the whole request.
    pub timeout: Option<Duration>,
}

impl OutgoingRequest {
    /// A request without headers and body, under the policy's limits.
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: None, max_body: None, timeout: None }
    }

    /// A GET request.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// A POST request with a body.
    pub fn post(url: Url, body: Bytes) -> Self {
        Self { body: Some(body), ..Self::new(Method::POST, url) }
    }

    /// Adds headers.
    #[must_use]
    pub fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }
}

/// A whole response.
#[derive(Debug, Clone)]
pub struct IncomingResponse {
    /// The status, whatever it is: a redirect is not followed.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The URL that answered: the one requested.
    pub url: Url,
    /// The body after decompression.
    pub body: Bytes,
}

/// Sends requests under an [`HttpPolicy`]. Cheap to clone; connections are pooled and shared.
#[derive(Clone)]
pub struct GuardedClient(Arc<Guard>);

struct Guard {
    /// For `https://` URLs.
    secure: reqwest::Client,
    /// For `http://` URLs, where the policy has them. Its resolver knows only the networks allowed
    /// by hand.
    plain: Option<reqwest::Client>,
    policy: HttpPolicy,
    allow_networks: Arc<[IpNet]>,
    slots: HostSlots,
}

impl GuardedClient {
    /// Prepares a client; makes no connection.
    pub fn new(policy: HttpPolicy) -> Result<Self, HttpError> {
        let allow_networks: Arc<[IpNet]> = policy.allow_networks.clone().into();
        let resolver = |reach| GuardedResolver { reach, allow_networks: allow_networks.clone() };
        let secure = prepare(&policy, resolver(Reach::Public), true)?;
        let plain = match policy.allow_plain_http {
            PlainHttp::Never => None,
            PlainHttp::AllowedNetworksOnly => {
                Some(prepare(&policy, resolver(Reach::AllowedNetworks), false)?)
            }
        };
        let slots = HostSlots::new(policy.max_in_flight_per_host);
        Ok(Self(Arc::new(Guard { secure, plain, policy, allow_networks, slots })))
    }

    /// The policy this client obeys.
    pub fn policy(&self) -> &HttpPolicy {
        &self.0.policy
    }

    /// Whether a request to `url` may be tried. Names are judged when they are resolved, at connect
    /// time; literal addresses are judged here, because the connector asks no resolver about them.
    pub fn check_url(&self, url: &Url) -> Result<(), HttpError> {
        self.choose(url).map(|_| ())
    }

    /// Sends the request and reads the whole response. Redirects are not followed.
    ///
    /// Dropping the future ends the request.
    pub async fn send(&self, request: OutgoingRequest) -> Result<IncomingResponse, HttpError> {
        let limit = request.timeout.unwrap_or(self.0.policy.total_timeout);
        match tokio::time::timeout(limit, self.exchange(request)).await {
            Ok(result) => result,
            Err(_elapsed) => Err(HttpError::Timeout),
        }
    }

    async fn exchange(&self, request: OutgoingRequest) -> Result<IncomingResponse, HttpError> {
        let OutgoingRequest { method, mut url, mut headers, body, max_body, .. } = request;
        let client = self.choose(&url)?;
        url.set_fragment(None);
        // The connector writes `Host` from the URL. Any other would reach a virtual host that the
        // checks have never heard of.
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        if let Some(host) = headers.remove(HOST)
            && !host.as_bytes().eq_ignore_ascii_case(authority.as_bytes())
        {
            return Err(HttpError::InvalidRequest("the Host header differs from the URL"));
        }
        let _slot = self
            .0
            .slots
            .acquire(authority)
            .await
            .map_err(|_closed| HttpError::InvalidRequest("the client is shut down"))?;

        let mut builder = client.request(method, url.clone()).headers(headers);
        if let Some(body) = body {
            builder = builder.body(body);
        }
        let response = builder.send().await.map_err(HttpError::from_client)?;
        let status = response.status();
        let headers = response.headers().clone();
        let limit = max_body.unwrap_or(self.0.policy.max_body);
        let body = read_body(response, limit).await?;
        Ok(IncomingResponse { status, headers, url, body })
    }

    /// The client that may talk to `url`.
    fn choose(&self, url: &Url) -> Result<&reqwest::Client, HttpError> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(HttpError::InvalidUrl("it holds a user name or password"));
        }
        let (client, reach) = match url.scheme() {
            "https" => (&self.0.secure, Reach::Public),
            "http" => (self.0.plain.as_ref().ok_or(HttpError::PlainHttp)?, Reach::AllowedNetworks),
            _ => return Err(HttpError::InvalidUrl("it is neither https nor http")),
        };
        let literal = match url.host() {
            None => return Err(HttpError::InvalidUrl("it has no host")),
            Some(Host::Domain(_)) => return Ok(client),
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
        };
        match reach.check(literal, &self.0.allow_networks) {
            Ok(()) => Ok(client),
            Err(AddressRefused::Special { address, reason }) => {
                Err(HttpError::Refused { address, reason })
            }
            Err(AddressRefused::NotAllowedForPlainHttp) => Err(HttpError::PlainHttp),
        }
    }
}

fn prepare(
    policy: &HttpPolicy,
    resolver: GuardedResolver,
    https_only: bool,
) -> Result<reqwest::Client, HttpError> {
    #[expect(clippy::disallowed_methods, reason = "this is the guarded client")]
    let builder = reqwest::Client::builder();
    builder
        .user_agent(&policy.user_agent)
        .connect_timeout(policy.connect_timeout)
        .read_timeout(policy.read_timeout)
        .pool_max_idle_per_host(policy.max_in_flight_per_host)
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .https_only(https_only)
        .dns_resolver(resolver)
        .build()
        .map_err(HttpError::Setup)
}

/// Reads at most `limit` bytes, counted after decompression.
async fn read_body(mut response: reqwest::Response, limit: usize) -> Result<Bytes, HttpError> {
    let announced = response.content_length().unwrap_or(0);
    if announced > limit as u64 {
        return Err(HttpError::TooLarge { limit });
    }
    let mut first = None;
    let mut collected = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(HttpError::from_client)? {
        let length = first.as_ref().map_or(collected.len(), Bytes::len);
        if length + chunk.len() > limit {
            return Err(HttpError::TooLarge { limit });
        }
        // Most documents come in one piece, which needs no copy.
        match first.take() {
            None if collected.is_empty() => first = Some(chunk),
            None => collected.extend_from_slice(&chunk),
            Some(piece) => {
                collected.extend_from_slice(&piece);
                collected.extend_from_slice(&chunk);
            }
        }
    }
    Ok(first.unwrap_or_else(|| collected.freeze()))
}

#[cfg(test)]
mod tests;
