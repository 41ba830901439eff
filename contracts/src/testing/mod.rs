//! Stand-ins for the tests of services: a policy that says what it is told, and an API made of routes.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use spine::Problem;
use tower::ServiceExt as _;

use crate::access::{
    Access, Action, Caller, Decision, Permitted, Policy, Principal, Refusal, Resource, SpaceId,
};
use crate::api::{ApiError, Transport};

/// Permits a person, and whatever acts for them, their own space, the household's and what is public;
/// services and the operator everything; nobody else anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct HouseholdPolicy;

impl HouseholdPolicy {
    /// As the port.
    pub fn port() -> Arc<dyn Policy> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Policy for HouseholdPolicy {
    fn decide(&self, caller: &Caller, action: Action, resource: &Resource) -> Decision {
        let allowed = self.permitted(caller, action).admits(&resource.space, &resource.labels)
            || matches!(caller.principal, Principal::Operator | Principal::Service(_));
        let refusal = match (&caller.principal, caller.has_scope(action.scope)) {
            (Principal::Anonymous, _) => Refusal::WhoAsks,
            (_, false) => Refusal::Scope(action.scope),
            _ => Refusal::Policy,
        };
        let allowed = allowed && caller.has_scope(action.scope);
        Decision {
            allowed,
            because: vec!["test".to_owned()],
            refusal: (!allowed).then_some(refusal),
        }
    }

    fn permitted(&self, caller: &Caller, _: Action) -> Permitted {
        let whole = match caller.responsible() {
            Some(person) => {
                vec![SpaceId::of_person(person), SpaceId::household(), SpaceId::public()]
            }
            None => Vec::new(),
        };
        Permitted { whole, ..Permitted::default() }
    }

    async fn settled(&self) -> Result<(), Problem> {
        Ok(())
    }
}

/// An API made of the given routes (without the prefix, which this adds), as the node's own is.
pub struct RouterTransport {
    router: Router,
    policy: Arc<dyn Policy>,
}

impl RouterTransport {
    /// These routes under this policy.
    pub fn new(routes: Router, policy: Arc<dyn Policy>) -> Self {
        Self { router: Router::new().nest(crate::api::PREFIX, routes), policy }
    }

    /// One call of a caller, as JSON: status and body.
    ///
    /// # Panics
    /// The answer cannot be read.
    pub async fn json(
        &self,
        caller: Caller,
        method: &str,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> (u16, serde_json::Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", crate::api::PREFIX))
            .header("content-type", "application/json")
            .body(body.map(|body| Bytes::from(body.to_string())).unwrap_or_default())
            .expect("a request");
        let response = self.call(caller, request).await.expect("an answer");
        let body = serde_json::from_slice(response.body()).unwrap_or_default();
        (response.status().as_u16(), body)
    }
}

#[async_trait]
impl Transport for RouterTransport {
    async fn call(
        &self,
        caller: Caller,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, ApiError> {
        let mut request = request.map(axum::body::Body::from);
        request.extensions_mut().insert(Access::new(caller, Arc::clone(&self.policy)));
        let unreachable = |error: axum::Error| ApiError::Unreachable(error.into());
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(unreachable)?.to_bytes();
        Ok(Response::from_parts(parts, body))
    }
}
