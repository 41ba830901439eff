//! Those who wait to follow.

use axum::Router;
use axum::routing::{get, post};
use social::AccountId;

use super::super::call::Call;
use super::super::path::PathId;
use super::super::reply::Reply;
use super::relations::relationship;
use crate::policy::Action;
use crate::services::Services;

const READ: Action = Action::person("follow_request.read", "read:follows");
const WRITE: Action = Action::person("follow_request.answer", "write:follows");

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/follow_requests", get(list))
        .route("/api/v1/follow_requests/{id}/authorize", post(authorize))
        .route("/api/v1/follow_requests/{id}/reject", post(reject))
}

async fn list(call: Call) -> Reply {
    let me = call.person(&READ, "follow_requests")?;
    call.paged(&call.social().follow_requests(me, &call.page()?).await?)
}

async fn authorize(PathId(id): PathId<AccountId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    call.social().authorize_follow(me, id).await?;
    relationship(&call, me, id).await
}

async fn reject(PathId(id): PathId<AccountId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    call.social().reject_follow(me, id).await?;
    relationship(&call, me, id).await
}
