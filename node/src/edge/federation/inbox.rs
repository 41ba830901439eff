//! Inboxes: what others tell us. A 202 means that it is on disk.

use axum::extract::{Request, State};
use http::StatusCode;
use social::inbound::{InboxRequest, InboxTarget, MAX_BODY};
use spine::Problem;

use super::DELIVER;
use super::answer::public_address;
use crate::edge::path::PathText;
use crate::edge::permissive::collect;
use crate::policy::{self, Access, Principal, Purpose};
use crate::services::Services;

pub async fn shared(
    State(services): State<Services>,
    request: Request,
) -> Result<StatusCode, Problem> {
    take(&services, request, InboxTarget::Shared).await
}

pub async fn personal(
    State(services): State<Services>,
    PathText(name): PathText,
    request: Request,
) -> Result<StatusCode, Problem> {
    take(&services, request, InboxTarget::Personal(name)).await
}

async fn take(
    services: &Services,
    request: Request,
    to: InboxTarget,
) -> Result<StatusCode, Problem> {
    let (parts, body) = request.into_parts();
    policy::decide(&Access {
        principal: Principal::Server,
        action: &DELIVER,
        resource: &parts.uri.path(),
        purpose: Purpose::Federate,
    })?;
    let request = InboxRequest {
        client: services.limits.client(&parts.extensions, &parts.headers),
        method: parts.method,
        target_uri: public_address(services, &parts.uri)?,
        headers: parts.headers,
        body: collect(body, MAX_BODY).await?,
        to,
    };
    services.social.receive(request).await?;
    Ok(StatusCode::ACCEPTED)
}
