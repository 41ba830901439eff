//! The API without the network: how the services of a process read each other.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use contracts::access::{Access, Caller, Policy};
use contracts::api::{ApiError, Transport};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// Calls the routes of this process.
pub struct InProcess {
    router: Router,
    policy: Arc<dyn Policy>,
}

impl InProcess {
    /// These routes under this policy.
    pub fn new(router: Router, policy: Arc<dyn Policy>) -> Self {
        Self { router, policy }
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn call(
        &self,
        caller: Caller,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, ApiError> {
        let mut request = request.map(Body::from);
        request.extensions_mut().insert(Access::new(caller, Arc::clone(&self.policy)));
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| ApiError::Unreachable(error.into()))?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }
}
