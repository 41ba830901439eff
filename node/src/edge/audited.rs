//! No answer to a client before the audit log has what it rests on.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use contracts::access::Policy as _;

use crate::services::Services;

/// Answers once what was decided meanwhile is on disk. Most calls decide nothing that is not written down
/// already (see [`policy::Routine`]), and wait for nothing.
pub async fn audited(State(services): State<Services>, request: Request, next: Next) -> Response {
    let policy = &services.platform.policy;
    let mark = policy.mark();
    let response = next.run(request).await;
    if policy.mark() == mark {
        return response;
    }
    match policy.settled_since(mark).await {
        Ok(()) => response,
        Err(problem) => problem.into_response(),
    }
}
