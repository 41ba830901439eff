//! What carries a guest's requests: the guarded client, or recorded answers.

use ::http::{HeaderMap, StatusCode};
use async_trait::async_trait;
use bytes::Bytes;
use spine::http::{GuardedClient, HttpError, OutgoingRequest};

use crate::engine::bindings::http;

/// A response, not yet followed.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Carries one request; redirects are the caller's.
#[async_trait]
pub(crate) trait Wire: Send + Sync {
    async fn exchange(&self, request: OutgoingRequest) -> Result<Received, http::HttpError>;
}

/// The real network.
pub(crate) struct Live(pub(crate) GuardedClient);

#[async_trait]
impl Wire for Live {
    async fn exchange(&self, request: OutgoingRequest) -> Result<Received, http::HttpError> {
        let response = self.0.send(request).await.map_err(told)?;
        Ok(Received { status: response.status, headers: response.headers, body: response.body })
    }
}

/// What a guest hears of a failure: the kind, and nothing of our network.
fn told(error: HttpError) -> http::HttpError {
    match error {
        HttpError::Timeout => http::HttpError::Timeout,
        HttpError::TooLarge { limit } => http::HttpError::TooLarge(limit as u64),
        HttpError::Resolve(_) => http::HttpError::Dns,
        HttpError::Refused { reason, .. } => {
            http::HttpError::NotAllowed(format!("the host has no public address ({reason})"))
        }
        HttpError::PlainHttp => http::HttpError::NotAllowed(
            "plain http only to private networks that were granted".to_owned(),
        ),
        HttpError::InvalidUrl(reason) | HttpError::InvalidRequest(reason) => {
            http::HttpError::BadRequest(reason.to_owned())
        }
        HttpError::Connect(error) if speaks_of_tls(&error) => {
            http::HttpError::Tls("the host's certificate or its TLS is not acceptable".to_owned())
        }
        HttpError::Connect(_) => http::HttpError::Connect("no connection".to_owned()),
        HttpError::Exchange(_) => http::HttpError::Connect("the connection broke".to_owned()),
        HttpError::Setup(_) => http::HttpError::Connect("the client cannot be set up".to_owned()),
    }
}

/// The client has no kind of its own for it.
fn speaks_of_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if text.contains("certificate") || text.contains("TLS") || text.contains("tls") {
            return true;
        }
        next = error.source();
    }
    false
}
