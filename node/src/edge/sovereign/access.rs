//! What every call of the API passes: who asks, what for; and no answer before the audit log has it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use connectors::Connectors;
use contracts::access::{Access, Caller, Policy, Principal, Purpose};
use http::request::Parts;
use identity::{Holder, Identity};
use spine::Problem;

use crate::edge::caller::bearer;
use crate::services::Services;

/// The header that says what a call is for.
const PURPOSE: &str = "sovereign-purpose";

/// Who can tell whose token it is, and who decides.
#[derive(Clone)]
pub struct Answers {
    identity: Identity,
    devices: Connectors,
    policy: Arc<dyn Policy>,
}

impl Answers {
    /// Those of this node.
    pub fn of(services: &Services) -> Self {
        Self {
            identity: services.identity.clone(),
            devices: services.platform.connectors.clone(),
            policy: services.platform.policy.port(),
        }
    }
}

/// Authenticates a call that comes over HTTP, and answers once what it looked at is in the audit log.
pub async fn pass(State(answers): State<Answers>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    // A service of this process has said who it is; nothing from outside can.
    if parts.extensions.get::<Access>().is_none() {
        match caller(&answers, &parts).await {
            Ok(caller) => {
                parts.extensions.insert(Access::new(caller, Arc::clone(&answers.policy)));
            }
            Err(problem) => return problem.into_response(),
        }
    }
    let response = next.run(Request::from_parts(parts, body)).await;
    match answers.policy.settled().await {
        Ok(()) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn caller(answers: &Answers, parts: &Parts) -> Result<Caller, Problem> {
    let mut caller = match bearer(&parts.headers) {
        Some(token) => by_token(answers, token).await?,
        None => Caller::anonymous(),
    };
    if let Some(purpose) = parts.headers.get(PURPOSE) {
        let purpose = purpose.to_str().ok().and_then(Purpose::parse);
        caller.purpose = purpose.ok_or_else(|| {
            Problem::bad_request(
                "invalid-purpose",
                "`Sovereign-Purpose` must be 1 to 64 of the characters a-z, 0-9 and :._-",
            )
        })?;
    }
    Ok(caller)
}

async fn by_token(answers: &Answers, token: &str) -> Result<Caller, Problem> {
    if let Some(grant) = answers.identity.authenticate(token).await? {
        let scopes = Some(grant.scopes.names().to_vec());
        return match grant.holder {
            Holder::Person(account) => Ok(Caller {
                via: Some(grant.app_id),
                scopes,
                ..Caller::new(Principal::Person(account), Purpose::USE)
            }),
            Holder::App => {
                Ok(Caller { scopes, ..Caller::new(Principal::App(grant.app_id), Purpose::USE) })
            }
            Holder::Applicant(_) => {
                Err(Problem::forbidden("not-active", "The account waits for approval"))
            }
        };
    }
    if let Some(device) = answers.devices.authenticate_device(token).await? {
        let caller = Caller::new(Principal::Device(device.id), Purpose::USE);
        return Ok(caller.on_behalf_of(device.person));
    }
    Err(Problem::unauthorized("bad-token", "The access token is invalid"))
}
