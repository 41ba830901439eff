//! How services read each other: calls of the Sovereign API, in process or over HTTP, with the same policy
//! and audit as those of anybody else.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::PREFIX;
use crate::access::Caller;

/// Carries calls to the API.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// One call. The path is whole, with the prefix.
    ///
    /// # Errors
    /// It could not be carried; what the API itself says is a response.
    async fn call(
        &self,
        caller: Caller,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, ApiError>;
}

/// Why a call of the API has no result.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The API said no.
    #[error("the API answered {status}: {title}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The problem's stable name.
        kind: String,
        /// Its sentence.
        title: String,
    },
    /// The API could not be reached.
    #[error("the API could not be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer was not what it should be.
    #[error("the API's answer cannot be read")]
    Unreadable(#[from] serde_json::Error),
    /// The path makes no request.
    #[error("the call cannot be made")]
    Unsayable(#[from] http::Error),
}

impl ApiError {
    /// Whether the thing is absent, or hidden from the caller.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == StatusCode::NOT_FOUND)
    }

    /// Whether the policy said no.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { status, .. }
            if matches!(*status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED))
    }
}

/// The API, as a service calls it. Cheap to clone; connected once all services exist.
#[derive(Clone, Default)]
pub struct Api(Arc<OnceLock<Arc<dyn Transport>>>);

impl Api {
    /// Not connected yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Connects it, once.
    pub fn connect(&self, transport: Arc<dyn Transport>) {
        // A second transport would be a mistake of the node's wiring; the first one stays.
        drop(self.0.set(transport));
    }

    /// Reads; `path` is below the prefix and begins with `/`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn get<T: DeserializeOwned>(
        &self,
        caller: &Caller,
        path: &str,
    ) -> Result<T, ApiError> {
        self.send(caller, Method::GET, path, Bytes::new()).await
    }

    /// Reads what may be absent.
    ///
    /// # Errors
    /// See [`ApiError`]; 404 is `None`.
    pub async fn find<T: DeserializeOwned>(
        &self,
        caller: &Caller,
        path: &str,
    ) -> Result<Option<T>, ApiError> {
        match self.get(caller, path).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends something.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        caller: &Caller,
        path: &str,
        body: &B,
    ) -> Result<T, ApiError> {
        self.send(caller, Method::POST, path, serde_json::to_vec(body)?.into()).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        caller: &Caller,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<T, ApiError> {
        let transport = self.0.get().ok_or_else(|| {
            ApiError::Unreachable("the node has not put its services together yet".into())
        })?;
        let request = Request::builder()
            .method(method)
            .uri(format!("{PREFIX}{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)?;
        let response = transport.call(caller.clone(), request).await?;
        let status = response.status();
        if status.is_success() {
            let body = response.body();
            let body = if body.is_empty() { &b"null"[..] } else { body };
            return Ok(serde_json::from_slice(body)?);
        }
        let problem: serde_json::Value =
            serde_json::from_slice(response.body()).unwrap_or_default();
        let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        let kind = text("type").rsplit(':').next().unwrap_or_default().to_owned();
        Err(ApiError::Refused { status, kind, title: text("title") })
    }
}
