//! What every call of the API passes: who asks, what for; and no answer before the audit log has it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use connectors::Connectors;
use contracts::access::{Access, Caller, Policy, Principal, Purpose, who_asks};
use http::StatusCode;
use http::request::Parts;
use identity::{Holder, Identity};
use policy::PolicyService;
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
    service: PolicyService,
    policy: Arc<dyn Policy>,
}

impl Answers {
    /// Those of this node.
    pub fn of(services: &Services) -> Self {
        Self {
            identity: services.identity.clone(),
            devices: services.platform.connectors.clone(),
            service: services.platform.policy.clone(),
            policy: services.platform.policy.port(),
        }
    }
}

/// Authenticates a call that comes over HTTP, and answers once what it looked at is in the audit log.
///
/// Nobody in particular is not told what there is: what they may not see and what does not exist are
/// answered alike.
pub async fn pass(State(answers): State<Answers>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    // A service of this process has said who it is; nothing from outside can.
    let access = match parts.extensions.get::<Access>() {
        Some(access) => access.clone(),
        None => match caller(&answers, &parts).await {
            Ok(caller) => {
                let access = Access::new(caller, Arc::clone(&answers.policy));
                parts.extensions.insert(access.clone());
                access
            }
            Err(problem) => return problem.into_response(),
        },
    };
    let response = next.run(Request::from_parts(parts, body)).await;
    if let Err(problem) = access.settled().await {
        return problem.into_response();
    }
    let anonymous = access.caller().principal == Principal::Anonymous;
    match response.status() {
        StatusCode::NOT_FOUND if anonymous => who_asks().into_response(),
        _ => response,
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
            Holder::Person(account) => {
                // An owner's first call may come before the event that tells who they are.
                answers.service.acquainted(account).await;
                Ok(Caller { via: Some(grant.app_id), scopes, ..Caller::person(account) })
            }
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
