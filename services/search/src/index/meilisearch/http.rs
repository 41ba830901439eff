//! How the SDK's requests travel: through the node's guarded client.
//!
//! The operator names the server, so it may be anywhere, also in a private network and without TLS;
//! redirects are not followed, times and sizes are bounded as everywhere.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::AsyncReadExt as _;
use futures_util::io::AsyncRead;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;
use meilisearch_sdk::errors::Error;
use meilisearch_sdk::request::{HttpClient, Method, parse_response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use spine::http::{GuardedClient, HttpPolicy, OutgoingRequest, PlainHttp};
use url::Url;

use crate::SearchError;

/// The largest answer: a page of hits with their texts.
const LARGEST: usize = 64 << 20;

/// Carries the SDK's requests.
#[derive(Clone)]
pub(super) struct Http {
    client: GuardedClient,
    headers: HeaderMap,
}

impl Http {
    /// To this server.
    ///
    /// # Errors
    /// The URL is none for this, or the key holds what no header can.
    pub(super) fn new(url: &Url, key: Option<&str>) -> Result<Self, SearchError> {
        let usable = matches!(url.scheme(), "http" | "https")
            && url.host().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none();
        if !usable {
            return Err(SearchError::Settings(format!(
                "{url} is no URL of a Meilisearch: http or https, a host, and the key apart from it"
            )));
        }
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| {
                SearchError::Settings("the key of Meilisearch holds strange characters".to_owned())
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let anywhere = [IpNet::V4(ipnet::Ipv4Net::default()), IpNet::V6(ipnet::Ipv6Net::default())];
        let policy = HttpPolicy {
            allow_networks: anywhere.to_vec(),
            allow_plain_http: PlainHttp::AllowedNetworksOnly,
            read_timeout: Duration::from_secs(20),
            max_body: LARGEST,
            ..HttpPolicy::new("sovereign")
        };
        let client = GuardedClient::new(policy).map_err(|error| SearchError::Away(error.into()))?;
        Ok(Self { client, headers })
    }
}

#[async_trait]
impl HttpClient for Http {
    async fn stream_request<
        Query: Serialize + Send + Sync,
        Body: AsyncRead + Send + Sync + 'static,
        Output: DeserializeOwned + 'static,
    >(
        &self,
        url: &str,
        method: Method<Query, Body>,
        content_type: &str,
        expected_status_code: u16,
    ) -> Result<Output, Error> {
        let mut address = Url::parse(url).map_err(|_| Error::InvalidRequest)?;
        if let serde_json::Value::Object(parameters) = serde_json::to_value(method.query())? {
            let mut pairs = address.query_pairs_mut();
            for (name, value) in parameters.into_iter().filter(|(_, value)| !value.is_null()) {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                pairs.append_pair(&name, &value);
            }
        }
        let verb = match &method {
            Method::Get { .. } => http::Method::GET,
            Method::Post { .. } => http::Method::POST,
            Method::Patch { .. } => http::Method::PATCH,
            Method::Put { .. } => http::Method::PUT,
            Method::Delete { .. } => http::Method::DELETE,
        };
        let mut request = OutgoingRequest::new(verb, address).with_headers(self.headers.clone());
        if let Some(body) = method.into_body() {
            let mut bytes = Vec::new();
            let mut body = std::pin::pin!(body);
            body.read_to_end(&mut bytes).await.map_err(|error| Error::Other(error.into()))?;
            request.body = Some(Bytes::from(bytes));
            let kind = HeaderValue::try_from(content_type).map_err(|_| Error::InvalidRequest)?;
            request.headers.insert(CONTENT_TYPE, kind);
        }
        let response =
            self.client.send(request).await.map_err(|error| Error::Other(error.into()))?;
        let text = String::from_utf8_lossy(&response.body);
        let text = if text.is_empty() { "null" } else { &*text };
        parse_response(response.status.as_u16(), expected_status_code, text, url.to_owned())
    }

    fn is_tokio(&self) -> bool {
        true
    }
}
